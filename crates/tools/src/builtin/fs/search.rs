//! `fs.search`: lines that match a regular expression, in linear time.

use super::{
    FileSystem, Guards,
    list::{beneath, here},
    read::{read_part, regular_file},
    roots::Opened,
    stat::size,
    walk::{Next, Walk},
};
use crate::builtin::{glob, stop::Stop};
use mandate_plan::ErrorCode;
use regex::bytes::{Regex, RegexBuilder};
use rustix::fs::{FileType, Mode, OFlags};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fs::File, path::Path};

const DEFAULT_MATCHES: u64 = 1000;
/// How much of a line is given.
const MAX_LINE: usize = 500;
/// How much of a file is looked at to tell text from binary.
const SNIFFED: usize = 8192;
const REGEX_SIZE: usize = 1 << 20;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The directory or file, relative to the first root or absolute.
    #[serde(default = "here")]
    path: String,
    /// The regular expression (syntax of the Rust `regex` crate: no look-around, no back-references).
    pattern: String,
    /// Ignore case.
    #[serde(default)]
    ignore_case: bool,
    /// Only files whose path below the directory matches: `*` stays within a name, `**` crosses.
    glob: Option<String>,
    /// Leave out what matches, and what is in it: `target`, `**/node_modules`.
    #[serde(default)]
    exclude: Vec<String>,
    /// Give at most so many matching lines and say `truncated` (1000).
    #[schemars(range(min = 1))]
    max_matches: Option<u64>,
    /// Pass over files with more bytes.
    #[schemars(range(min = 1))]
    max_file_bytes: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Found {
    /// The matching lines, by path and line.
    matches: Vec<Match>,
    /// How many files were searched.
    files_searched: u64,
    /// How many files were passed over because they are binary or too large.
    files_skipped: u64,
    /// Whether there are more matches.
    truncated: bool,
}

#[derive(Serialize, JsonSchema)]
struct Match {
    /// The file, to be given to other file tools as it is.
    path: String,
    /// The line, from 1.
    line: u64,
    /// Where the first match begins in the line, in bytes from 1.
    column: u64,
    /// The line, at most 500 characters of it.
    text: String,
}

struct Search {
    regex: Regex,
    limit: u64,
    found: Found,
}

pub(super) fn search(fs: &FileSystem, args: Args, guards: &Guards) -> Result<Found, Stop> {
    let regex = RegexBuilder::new(&args.pattern)
        .case_insensitive(args.ignore_case)
        .size_limit(REGEX_SIZE)
        .build()
        .map_err(|error| {
            Stop::refused(
                ErrorCode::InvalidPayload,
                format!("`pattern` is not a regular expression: {error}"),
            )
        })?;
    let wanted = args.glob.as_deref().map(glob::one).transpose()?;
    let excluded = glob::any(&args.exclude)?;
    let max_file_bytes = args.max_file_bytes.unwrap_or(fs.max_bytes);
    let mut search = Search {
        regex,
        limit: args.max_matches.unwrap_or(DEFAULT_MATCHES),
        found: Found {
            matches: Vec::new(),
            files_searched: 0,
            files_skipped: 0,
            truncated: false,
        },
    };
    let opened = fs.roots.file(&args.path, OFlags::RDONLY, &guards.check)?;
    if opened.kind() != FileType::Directory {
        let file = regular_file(&args.path, opened)?;
        search.file(&args.path, file, max_file_bytes)?;
        return Ok(search.found);
    }
    let mut walk = Walk {
        fs,
        guards,
        real: opened.real.clone(),
        hidden_stops: false,
        visited: 0,
    };
    let Opened { fd, .. } = opened;
    walk.run(&fd, &mut |visit| {
        if excluded.is_match(visit.below) {
            return Ok(Next::Pass);
        }
        let is_file = FileType::from_raw_mode(visit.stat.st_mode) == FileType::RegularFile;
        if !is_file
            || wanted
                .as_ref()
                .is_some_and(|wanted| !wanted.is_match(visit.below))
        {
            return Ok(Next::Enter);
        }
        if size(visit.stat) > max_file_bytes {
            search.found.files_skipped += 1;
            return Ok(Next::Pass);
        }
        // Not through a link that took the file's place since.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let Ok(file) = rustix::fs::openat(visit.directory, visit.name, flags, Mode::empty()) else {
            search.found.files_skipped += 1;
            return Ok(Next::Pass);
        };
        let same = rustix::fs::fstat(&file)
            .is_ok_and(|now| now.st_ino == visit.stat.st_ino && now.st_dev == visit.stat.st_dev);
        if same {
            search.file(
                &beneath(&args.path, visit.below),
                File::from(file),
                max_file_bytes,
            )?;
        }
        Ok(if search.found.truncated {
            Next::End
        } else {
            Next::Pass
        })
    })?;
    Ok(search.found)
}

impl Search {
    fn file(&mut self, path: &str, mut file: File, max_bytes: u64) -> Result<(), Stop> {
        let unreadable = |error| Stop::failed(format!("`{path}` cannot be read: {error}"));
        let bytes = read_part(&mut file, 0, max_bytes + 1).map_err(unreadable)?;
        if bytes.len() as u64 > max_bytes || bytes.iter().take(SNIFFED).any(|byte| *byte == 0) {
            self.found.files_skipped += 1;
            return Ok(());
        }
        self.found.files_searched += 1;
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some(hit) = self.regex.find(line) else {
                continue;
            };
            if self.found.matches.len() as u64 >= self.limit {
                self.found.truncated = true;
                return Ok(());
            }
            self.found.matches.push(Match {
                path: Path::new(path).to_string_lossy().into_owned(),
                line: number as u64 + 1,
                column: hit.start() as u64 + 1,
                text: String::from_utf8_lossy(line)
                    .chars()
                    .take(MAX_LINE)
                    .collect(),
            });
        }
        Ok(())
    }
}
