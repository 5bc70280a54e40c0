//! `fs.write` and `fs.append`.

use super::{
    Encoding, FileSystem, Guards, decode,
    roots::{LastLink, Place, explain},
};
use crate::builtin::stop::Stop;
use mandate_plan::ErrorCode;
use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, RenameFlags},
    io::Errno,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::OwnedFd,
    sync::atomic::{AtomicU64, Ordering},
};

/// Makes temporary names of one process differ; names left by another are passed over.
static TEMPORARY: AtomicU64 = AtomicU64::new(0);
const MAX_NAMES: u32 = 1000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The file, relative to the first root or absolute.
    path: String,
    /// What it shall hold.
    content: String,
    /// How the content is given: `utf8` (default) or `base64`.
    #[serde(default)]
    encoding: Encoding,
    /// Make directories on the way that are missing.
    #[serde(default)]
    create_dirs: bool,
    /// What to do with a file that is there: `replace` it (default) or `fail`.
    #[serde(default)]
    if_exists: IfExists,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum IfExists {
    #[default]
    Replace,
    Fail,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AppendArgs {
    /// The file, relative to the first root or absolute.
    path: String,
    /// What is added.
    content: String,
    /// How the content is given: `utf8` (default) or `base64`.
    #[serde(default)]
    encoding: Encoding,
    /// Make the file if it is missing (default); otherwise that is an error.
    #[serde(default = "yes")]
    create: bool,
    /// Make directories on the way that are missing.
    #[serde(default)]
    create_dirs: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Written {
    /// The path as asked.
    path: String,
    /// How many bytes were written.
    bytes: u64,
    /// Whether the file was made by this call.
    created: bool,
}

fn yes() -> bool {
    true
}

pub(super) fn write(fs: &FileSystem, args: Args, guards: &Guards) -> Result<Written, Stop> {
    let bytes = decode(args.content, args.encoding)?;
    limit(fs, &args.path, bytes.len())?;
    let place = fs.roots.place(
        &args.path,
        LastLink::Follow,
        args.create_dirs,
        &guards.check,
    )?;
    must_be_file(&args.path, &place)?;
    if place.stat.is_some() && args.if_exists == IfExists::Fail {
        return Err(explain(&args.path, Errno::EXIST));
    }
    let temporary =
        Temporary::create(&place.directory).map_err(|errno| explain(&args.path, errno))?;
    temporary
        .fill(
            &bytes,
            place
                .stat
                .as_ref()
                .map(|stat| Mode::from_raw_mode(stat.st_mode)),
        )
        .map_err(|error| unwritable(&args.path, &error))?;
    guards.go_on()?;
    temporary
        .take_place(&place, args.if_exists)
        .map_err(|errno| explain(&args.path, errno))?;
    Ok(Written {
        path: args.path,
        bytes: bytes.len() as u64,
        created: place.stat.is_none(),
    })
}

pub(super) fn append(fs: &FileSystem, args: AppendArgs, guards: &Guards) -> Result<Written, Stop> {
    let bytes = decode(args.content, args.encoding)?;
    limit(fs, &args.path, bytes.len())?;
    let place = fs.roots.place(
        &args.path,
        LastLink::Follow,
        args.create_dirs,
        &guards.check,
    )?;
    must_be_file(&args.path, &place)?;
    if place.stat.is_none() && !args.create {
        return Err(explain(&args.path, Errno::NOENT));
    }
    let create = if place.stat.is_none() {
        OFlags::CREATE | OFlags::EXCL
    } else {
        OFlags::empty()
    };
    let flags = OFlags::WRONLY
        | OFlags::APPEND
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::CLOEXEC
        | create;
    let fd = rustix::fs::openat(
        &place.directory,
        &place.name,
        flags,
        Mode::from_raw_mode(0o666),
    )
    .map_err(|errno| explain(&args.path, errno))?;
    if let Some(checked) = &place.stat {
        let now = rustix::fs::fstat(&fd).map_err(|errno| explain(&args.path, errno))?;
        // What was checked must be what is written to.
        if (now.st_dev, now.st_ino) != (checked.st_dev, checked.st_ino) {
            return Err(Stop::failed(format!(
                "`{}` was replaced while it was opened",
                args.path
            )));
        }
    }
    guards.go_on()?;
    let mut file = File::from(fd);
    let written = file.write_all(&bytes).and_then(|()| file.sync_all());
    written.map_err(|error| unwritable(&args.path, &error))?;
    if place.stat.is_none() {
        rustix::fs::fsync(&place.directory).map_err(|errno| explain(&args.path, errno))?;
    }
    Ok(Written {
        path: args.path,
        bytes: bytes.len() as u64,
        created: place.stat.is_none(),
    })
}

fn limit(fs: &FileSystem, path: &str, bytes: usize) -> Result<(), Stop> {
    if bytes as u64 > fs.max_bytes {
        return Err(Stop::refused(
            ErrorCode::ResourceExhausted,
            format!(
                "the {bytes} bytes for `{path}` are more than the {} that one write takes; raise `[fs] max_bytes`",
                fs.max_bytes
            ),
        ));
    }
    Ok(())
}

fn must_be_file(path: &str, place: &Place) -> Result<(), Stop> {
    match place
        .stat
        .as_ref()
        .map(|stat| FileType::from_raw_mode(stat.st_mode))
    {
        None | Some(FileType::RegularFile) => Ok(()),
        Some(FileType::Directory) => Err(explain(path, Errno::ISDIR)),
        Some(_) => Err(Stop::failed(format!(
            "`{path}` is a link, pipe, socket or device, not a file"
        ))),
    }
}

fn unwritable(path: &str, error: &io::Error) -> Stop {
    Stop::failed(format!("`{path}` cannot be written: {error}"))
}

/// A file under a temporary name, removed unless it takes its place.
struct Temporary<'a> {
    directory: &'a OwnedFd,
    name: String,
    file: File,
}

impl<'a> Temporary<'a> {
    fn create(directory: &'a OwnedFd) -> Result<Self, Errno> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut tries = 0;
        loop {
            let number = TEMPORARY.fetch_add(1, Ordering::Relaxed);
            let name = format!(".mandate-write-{}-{number}.tmp", std::process::id());
            match rustix::fs::openat(directory, &name, flags, Mode::from_raw_mode(0o666)) {
                Ok(fd) => {
                    return Ok(Self {
                        directory,
                        name,
                        file: File::from(fd),
                    });
                }
                Err(Errno::EXIST) if tries < MAX_NAMES => tries += 1,
                Err(errno) => return Err(errno),
            }
        }
    }

    fn fill(&self, bytes: &[u8], mode: Option<Mode>) -> io::Result<()> {
        if let Some(mode) = mode {
            rustix::fs::fchmod(&self.file, mode)?;
        }
        (&self.file).write_all(bytes)?;
        self.file.sync_all()
    }

    /// Under its final name in one step: a reader, and a crash, see the old content or the new.
    fn take_place(&self, place: &Place, if_exists: IfExists) -> Result<(), Errno> {
        let flags = match if_exists {
            IfExists::Replace => RenameFlags::empty(),
            IfExists::Fail => RenameFlags::NOREPLACE,
        };
        rustix::fs::renameat_with(
            self.directory,
            &self.name,
            &place.directory,
            &place.name,
            flags,
        )?;
        rustix::fs::fsync(&place.directory)
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // After the rename there is nothing of that name; either way nothing more can be done here.
        let _ = rustix::fs::unlinkat(self.directory, &self.name, AtFlags::empty());
    }
}
