//! Lexical normal forms of paths and URLs, and the other ways in which somebody else might read the same text.
//!
//! Nothing here looks at a disk or a network. A tool may decode a value once more than we do, take `\` for `/`, or cut
//! it at a NUL byte. So a value has one normal form, which people see, and several *readings*: to be allowed, each of
//! them must be; to be denied, one is enough. An additional reading can therefore only make a rule stricter.

mod path;
mod text;
mod url;

pub use path::{normal_path, path_readings};
pub use text::{shown, strip_invisible};
pub use url::{host_of, is_loopback, normal_url, url_readings};

pub(crate) use path::lexical;

/// The text decoded and folded, with `\` taken for `/`: only for telling what a text looks like.
pub(crate) fn normal_text(text: &str) -> String {
    text::unfold(text).replace('\\', "/")
}

/// What a value may mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readings {
    /// The normal form, for people and for the journal.
    pub normal: String,
    /// How the value may be read: each must be allowed, none may be denied. Holds `normal`; sorted.
    pub all: Vec<String>,
    /// What it would be in a place that we do not know, such as below the root: none may be denied.
    pub suspects: Vec<String>,
}

impl Readings {
    pub(crate) fn new(normal: String, others: Vec<String>, suspects: Vec<String>) -> Self {
        let mut all = others;
        all.push(normal.clone());
        all.sort_unstable();
        all.dedup();
        let mut suspects: Vec<String> = suspects.into_iter().filter(|s| !all.contains(s)).collect();
        suspects.sort_unstable();
        suspects.dedup();
        Self {
            normal,
            all,
            suspects,
        }
    }
}
