//! `fs.read`: a file's content, or a part of it.

use super::{Encoding, FileSystem, Guards, encode, roots::Opened, stat::size};
use crate::builtin::stop::Stop;
use rustix::fs::{FileType, OFlags};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The file, relative to the first root or absolute.
    path: String,
    /// How the content is given: `utf8` (default) or `base64`.
    #[serde(default)]
    encoding: Encoding,
    /// Give at most so many bytes and say `truncated`. Without it a file above the limit is an error.
    #[schemars(range(min = 1))]
    max_bytes: Option<u64>,
    /// Where to begin, in bytes.
    #[serde(default)]
    offset: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Content {
    /// The path as asked.
    path: String,
    /// The content.
    content: String,
    /// How the content is given.
    encoding: Encoding,
    /// The size of the whole file, in bytes.
    size: u64,
    /// Whether the file goes on behind the content.
    truncated: bool,
}

pub(super) fn read(fs: &FileSystem, args: Args, guards: &Guards) -> Result<Content, Stop> {
    let opened = fs.roots.file(&args.path, OFlags::RDONLY, &guards.check)?;
    let size = size(&opened.stat);
    let mut file = regular_file(&args.path, opened)?;
    let limit = args.max_bytes.unwrap_or(fs.max_bytes).min(fs.max_bytes);
    let bytes = read_part(&mut file, args.offset, limit + 1)
        .map_err(|error| Stop::failed(format!("`{}` cannot be read: {error}", args.path)))?;
    let mut bytes = bytes;
    let truncated = bytes.len() as u64 > limit;
    if truncated && args.max_bytes.is_none() {
        return Err(Stop::too_large(format!(
            "`{}` has {size} bytes, more than the {limit} that one read gives; read parts with `max_bytes` and `offset`, or raise `[fs] max_bytes`",
            args.path
        )));
    }
    bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    if truncated && args.encoding == Encoding::Utf8 {
        drop_cut_character(&mut bytes);
    }
    Ok(Content {
        content: encode(&args.path, bytes, args.encoding)?,
        path: args.path,
        encoding: args.encoding,
        size,
        truncated,
    })
}

/// The file behind an open handle, if it is one whose content can be read without waiting.
pub(super) fn regular_file(path: &str, opened: Opened) -> Result<File, Stop> {
    match opened.kind() {
        FileType::RegularFile => Ok(File::from(opened.fd)),
        FileType::Directory => Err(Stop::failed(format!(
            "`{path}` is a directory; `fs.list` lists it"
        ))),
        _ => Err(Stop::failed(format!(
            "`{path}` is a pipe, socket or device, not a file"
        ))),
    }
}

pub(super) fn read_part(file: &mut File, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
    if offset > 0 {
        file.seek(SeekFrom::Start(offset))?;
    }
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Drops the beginning of a character whose rest was not read.
fn drop_cut_character(bytes: &mut Vec<u8>) {
    if let Err(error) = std::str::from_utf8(bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
}
