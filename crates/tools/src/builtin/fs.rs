//! The file tools: `fs.list`, `fs.read`, `fs.search`, `fs.stat`, `fs.write`, `fs.append`, `fs.delete`.
//!
//! Every path is opened beneath an allowed root by the kernel (`openat2` with `RESOLVE_BENEATH`), so that no `..`, no
//! symbolic link and no race leads out. What is opened is then checked by its real path and by its inode, before
//! anything is read or written.

mod delete;
mod list;
mod protected;
mod read;
mod roots;
mod search;
mod stat;
mod walk;
mod write;

pub(crate) use protected::Protected;
pub use roots::RootError;
pub(crate) use roots::Roots;

use super::{
    stop::Stop,
    typed::{answer, arguments, blocking, define},
};
use crate::{Authorized, CallContext, Check, Definition, FsConfig, Outcome, Provider, StopFlag};
use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_plan::{Effect, ErrorCode, Facts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{path::PathBuf, sync::Arc};

/// The most bytes one read may give whatever the configuration says: as base64 they still fit into one answer.
const MAX_READ: u64 = 12 * 1024 * 1024;

/// The file tools as a provider.
pub struct FileTools {
    shared: Arc<FileSystem>,
}

pub(crate) struct FileSystem {
    pub(crate) roots: Arc<Roots>,
    max_bytes: u64,
    max_entries: u64,
}

/// How file content is written in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    /// As text; content that is not UTF-8 is an error.
    #[default]
    Utf8,
    /// As standard base64 with padding.
    Base64,
}

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A pipe, socket or device.
    Other,
}

/// What the call's rules are, for work on another thread.
struct Guards {
    check: Check,
    stop: StopFlag,
}

impl Guards {
    /// No effect may begin once the call was stopped: nobody would hear of it.
    fn go_on(&self) -> Result<(), Stop> {
        if self.stop.is_set() {
            return Err(Stop::failed("the call was stopped"));
        }
        Ok(())
    }
}

impl FileTools {
    /// The file tools beneath the configured roots, or beneath `project` if none is configured. `protected` are the
    /// data directory, configuration files, policies and keys.
    ///
    /// # Errors
    /// A root that cannot be opened.
    pub fn new(
        config: &FsConfig,
        project: &std::path::Path,
        protected: &[PathBuf],
    ) -> Result<Self, RootError> {
        let project = [project.to_owned()];
        let roots = if config.roots.is_empty() {
            &project[..]
        } else {
            &config.roots[..]
        };
        Ok(Self {
            shared: Arc::new(FileSystem {
                roots: Arc::new(Roots::open(roots, protected)?),
                max_bytes: config.max_bytes.min(MAX_READ),
                max_entries: config.max_entries,
            }),
        })
    }

    pub(crate) fn roots(&self) -> Arc<Roots> {
        Arc::clone(&self.shared.roots)
    }

    fn start<A, O>(
        &self,
        call: CallContext,
        work: impl FnOnce(&FileSystem, A, &Guards) -> Result<O, Stop> + Send + 'static,
    ) -> BoxFuture<'static, Outcome>
    where
        A: DeserializeOwned,
        O: Serialize,
    {
        let shared = Arc::clone(&self.shared);
        let guards = Guards {
            check: call.check_path,
            stop: call.stop,
        };
        blocking(move || answer(arguments(call.args).and_then(|args| work(&shared, args, &guards))))
            .boxed()
    }
}

impl Provider for FileTools {
    fn name(&self) -> &str {
        "fs"
    }

    fn definitions(&self) -> Vec<Definition> {
        vec![
            define::<list::Args, list::Listing>("fs.list", "Lists a directory, sorted by path."),
            define::<read::Args, read::Content>("fs.read", "Reads a file."),
            define::<search::Args, search::Found>(
                "fs.search",
                "Finds lines that match a regular expression.",
            ),
            define::<stat::Args, stat::Status>(
                "fs.stat",
                "Says whether a path exists, and what it is.",
            ),
            define::<write::Args, write::Written>("fs.write", "Writes a file, all or nothing."),
            define::<write::AppendArgs, write::Written>("fs.append", "Adds to the end of a file."),
            define::<delete::Args, delete::Deleted>(
                "fs.delete",
                "Deletes a file, link or directory.",
            ),
        ]
    }

    fn facts(&self, tool: &str, args: Option<&Value>) -> Facts {
        let (effect, idempotent) = match tool {
            "fs.list" | "fs.read" | "fs.search" | "fs.stat" => (Effect::Read, true),
            // Writing a file only if it is not there fails the second time.
            "fs.write" => (
                Effect::Write,
                args.is_some_and(|args| {
                    args.get("if_exists").is_none_or(|value| value == "replace")
                }),
            ),
            "fs.append" => (Effect::Write, false),
            "fs.delete" => (Effect::Delete, true),
            _ => return Facts::WORST,
        };
        Facts {
            effect,
            idempotent,
            open_world: false,
        }
    }

    fn call(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        match call.tool.as_str() {
            "fs.list" => self.start(call, list::list),
            "fs.read" => self.start(call, read::read),
            "fs.search" => self.start(call, search::search),
            "fs.stat" => self.start(call, stat::stat),
            "fs.write" => self.start(call, write::write),
            "fs.append" => self.start(call, write::append),
            "fs.delete" => self.start(call, delete::delete),
            other => {
                let stop = Stop::refused(
                    ErrorCode::ActionNotFound,
                    format!("there is no file tool `{other}`"),
                );
                async move { stop.into() }.boxed()
            }
        }
    }
}

/// Bytes as the JSON text of an encoding.
fn encode(path: &str, bytes: Vec<u8>, encoding: Encoding) -> Result<String, Stop> {
    use base64::Engine as _;
    match encoding {
        Encoding::Base64 => Ok(base64::engine::general_purpose::STANDARD.encode(bytes)),
        Encoding::Utf8 => String::from_utf8(bytes).map_err(|_| {
            Stop::failed(format!(
                "`{path}` is not UTF-8 text; read it with `encoding: base64`"
            ))
        }),
    }
}

/// The bytes that the JSON text of an encoding stands for.
fn decode(content: String, encoding: Encoding) -> Result<Vec<u8>, Stop> {
    use base64::Engine as _;
    match encoding {
        Encoding::Utf8 => Ok(content.into_bytes()),
        Encoding::Base64 => base64::engine::general_purpose::STANDARD
            .decode(content)
            .map_err(|_| {
                Stop::refused(
                    ErrorCode::InvalidPayload,
                    "`content` is not standard base64 with padding",
                )
            }),
    }
}
