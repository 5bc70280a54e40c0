//! An export as an answer: written by a thread of its own, and no faster than it is read.

use crate::problem::Problem;
use crate::site::Site;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use mandate_store::{ExportOptions, SigningKey, export};
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Pieces that may wait to be read.
const WAITING: usize = 8;
const PIECE_BYTES: usize = 64 * 1024;

/// The answer that holds the export.
///
/// # Errors
/// It cannot begin.
pub(crate) async fn answer(site: &Arc<Site>, options: ExportOptions) -> Result<Response, Problem> {
    let key = site
        .waiting(|site| SigningKey::of_directory(site.reader().dir()).map_err(Problem::from))
        .await?;
    let (to, from) = channel(WAITING);
    let site = site.clone();
    tokio::task::spawn_blocking(move || {
        let mut out = BufWriter::with_capacity(PIECE_BYTES, Pieces { to: to.clone() });
        let written = export(site.reader(), &options, &key, &mut out);
        let failed = match (written, out.flush()) {
            (Err(error), _) => Some(error.to_string()),
            (_, Err(error)) => Some(error.to_string()),
            _ => None,
        };
        if let Some(why) = failed {
            tracing::warn!(%why, "an export ended early");
            // The answer has begun: that it is not whole can only be told by breaking it off.
            let _ = to.blocking_send(Err(io::Error::other(why)));
        }
    });
    let stream = unfold(from, |mut from: Receiver<io::Result<Bytes>>| async move {
        let piece = from.recv().await?;
        Some((piece, from))
    });
    // Whoever packs it asks once more after the end.
    let mut response = Response::new(Body::from_stream(stream.fuse()));
    let kind = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// Hands on what is written, and waits while too much is not read yet.
struct Pieces {
    to: Sender<io::Result<Bytes>>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        match self.to.blocking_send(Ok(piece)) {
            Ok(()) => Ok(bytes.len()),
            // Whoever read it has seen enough.
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
