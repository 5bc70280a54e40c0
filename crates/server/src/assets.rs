//! The console's files, which are part of the binary: it works without a network and without anything beside it.

use mandate_plan::Digest;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Path below the root, and content.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/console_files.rs"));

/// A file as it is served.
pub(crate) struct Asset {
    pub(crate) content: &'static [u8],
    pub(crate) kind: &'static str,
    pub(crate) tag: String,
}

static ASSETS: LazyLock<BTreeMap<&'static str, Asset>> = LazyLock::new(|| {
    let assets = FILES.iter().map(|(name, content)| {
        let digest = Digest::of(content).to_string();
        let asset = Asset {
            content,
            kind: kind_of(name),
            tag: format!("\"{}\"", digest.get(..32).unwrap_or(&digest)),
        };
        (*name, asset)
    });
    assets.collect()
});

/// The file of that path below the root.
pub(crate) fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.get(name)
}

/// The paths of all files.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        _ => "text/plain; charset=utf-8",
    }
}
