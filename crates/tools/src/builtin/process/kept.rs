//! A program that runs, with the keeper beside it: how it is started, and that it ends.
//!
//! The keeper (crate `sandbox`) is there before the program is, and ends it and everything that came from it as soon as its
//! control socket closes here: at the end of a call, at its timeout, when the call is dropped, and when this process is
//! killed. There is no moment in which a program runs and nobody would end it.

use crate::{Fault, builtin::stop::Stop};
use mandate_plan::ErrorCode;
use mandate_sandbox::{ARGUMENT, Ended, HELPER, Order, PLEASE_END, Start, Word, wire};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::{AsFd as _, OwnedFd},
    fs::{Mode, OFlags},
    process::{Pid, PidfdFlags, pidfd_open},
};
use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
};

/// How long a program may take to end when it is asked to; then it is killed.
const MOMENT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};
/// No word of the keeper is as long as this.
const MAX_WORD: usize = 64 * 1024;

static HELPER_FILE: OnceLock<PathBuf> = OnceLock::new();

/// Names the executable whose `main` gives way to [`mandate_sandbox::helper`]; the one that runs if this is never called.
/// The first name counts.
pub fn use_sandbox_helper(path: &Path) {
    let _ = HELPER_FILE.set(path.to_owned());
}

/// The executable that helpers are started from.
pub(crate) fn helper_file() -> &'static Path {
    HELPER_FILE
        .get()
        .map_or(Path::new(HELPER), PathBuf::as_path)
}

/// A program that was started.
pub(crate) struct Kept {
    /// None if it reads nothing.
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
    pub(crate) leash: Leash,
    pub(crate) end: End,
}

/// Why there is no program that runs.
#[derive(Debug)]
pub(crate) enum NotStarted {
    /// It did not start.
    Refused(String),
    /// It did not, because this kernel cannot confine it.
    Unable(String),
    /// Nobody knows whether it did; it does not run any more.
    Unknown(String),
}

impl NotStarted {
    /// The same as a fault, and whether nothing was done.
    pub(crate) fn into_stop(self) -> Stop {
        match self {
            NotStarted::Refused(why) => Stop::refused(ErrorCode::ToolFailed, why),
            NotStarted::Unable(_) => Stop::refused(ErrorCode::NotSupported, self.to_string()),
            NotStarted::Unknown(why) => Stop::Unknown(Fault::new(ErrorCode::ToolFailed, why)),
        }
    }
}

impl std::fmt::Display for NotStarted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotStarted::Refused(why) | NotStarted::Unknown(why) => f.write_str(why),
            NotStarted::Unable(why) => write!(
                f,
                "the program cannot be confined: {why}; `allow_degraded = true` in `[sandbox]` runs programs with what there is"
            ),
        }
    }
}

/// Holds a program. Dropping the last of them ends it and everything that came from it.
#[derive(Clone)]
pub(crate) struct Leash(Arc<Mutex<Option<Held>>>);

struct Held {
    control: OwnedWriteHalf,
    /// The keeper's process.
    keeper: OwnedFd,
}

impl Leash {
    /// Ends it at once.
    pub(crate) fn end(&self) {
        drop(self.take());
    }

    /// Asks it to end, and gives it a moment to do so. Blocks for that moment.
    pub(crate) fn ask_to_end(&self) {
        let Some(held) = self.take() else { return };
        if held.control.try_write(&[PLEASE_END]).is_ok() {
            let mut exit = [PollFd::new(&held.keeper, PollFlags::IN)];
            let _ = poll(&mut exit, Some(&MOMENT));
        }
    }

    fn take(&self) -> Option<Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The wait for a program's end.
pub(crate) struct End {
    words: OwnedReadHalf,
    keeper: Child,
}

impl End {
    /// Waits until the program has ended, and everything that came from it.
    ///
    /// # Errors
    /// The keeper was ended by somebody else; the program ends with it.
    pub(crate) async fn wait(&mut self) -> io::Result<Ended> {
        let word = hear(&mut self.words).await;
        // It has nothing left to do.
        let _ = self.keeper.wait().await;
        match word? {
            Some(Word::Ended(ended)) => Ok(ended),
            _ => Err(io::Error::other("its keeper was killed")),
        }
    }
}

/// Starts a program in that directory, with what is asked for of standard streams.
pub(crate) async fn start(
    order: Start,
    directory: OwnedFd,
    reads: bool,
) -> Result<Kept, NotStarted> {
    let refused = |error: io::Error| NotStarted::Refused(format!("it cannot be started: {error}"));
    let streams = Streams::new(reads).map_err(refused)?;
    let (here, there) = std::os::unix::net::UnixStream::pair().map_err(refused)?;
    let mut command = Command::new(helper_file());
    command
        .arg(ARGUMENT)
        .env_clear()
        .envs(std::env::var_os("TMPDIR").map(|value| ("TMPDIR", value)))
        .current_dir("/")
        // Whatever is sent to Mandate's whole group must not reach it.
        .process_group(0)
        .stdin(OwnedFd::from(there))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut keeper = command.spawn().map_err(refused)?;
    // The command holds the other end, too.
    drop(command);
    let pid = keeper
        .id()
        .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let pid = pid.ok_or_else(|| refused(io::Error::other("it has no number")))?;
    let handle = pidfd_open(pid, PidfdFlags::empty()).map_err(|errno| refused(errno.into()))?;
    let (head, body) = wire::encode(&Order::Keep(Box::new(order))).map_err(refused)?;
    let files = [
        streams.stdin.as_fd(),
        streams.stdout.as_fd(),
        streams.stderr.as_fd(),
        directory.as_fd(),
    ];
    wire::send_head(&here, head, &files).map_err(refused)?;
    let Streams { ours, .. } = streams;
    here.set_nonblocking(true).map_err(refused)?;
    let control = UnixStream::from_std(here).map_err(refused)?;
    let (mut words, mut control) = control.into_split();
    // From here on it may run.
    let lost = |why: String| NotStarted::Unknown(why);
    let told = async {
        control.write_all(&body).await?;
        hear(&mut words).await
    };
    match told.await {
        Ok(Some(Word::Started)) => {}
        Ok(Some(Word::Refused(why))) => {
            let _ = keeper.wait().await;
            return Err(NotStarted::Refused(why));
        }
        Ok(Some(Word::Unable(why))) => {
            let _ = keeper.wait().await;
            return Err(NotStarted::Unable(why));
        }
        Ok(_) => {
            return Err(lost(
                "its keeper ended without a word; whether it started is not known".to_owned(),
            ));
        }
        Err(error) => return Err(lost(format!("its keeper was lost: {error}"))),
    }
    let (stdin, stdout, stderr) = ours;
    let stdin = stdin.map(ChildStdin::from_std).transpose();
    match (
        stdin,
        ChildStdout::from_std(stdout),
        ChildStderr::from_std(stderr),
    ) {
        (Ok(stdin), Ok(stdout), Ok(stderr)) => Ok(Kept {
            stdin,
            stdout,
            stderr,
            leash: Leash(Arc::new(Mutex::new(Some(Held {
                control,
                keeper: handle,
            })))),
            end: End { words, keeper },
        }),
        _ => Err(lost("its output cannot be read; it was killed".to_owned())),
    }
}

type Ours = (
    Option<std::process::ChildStdin>,
    std::process::ChildStdout,
    std::process::ChildStderr,
);

/// Both ends of the program's standard streams.
struct Streams {
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
    ours: Ours,
}

impl Streams {
    fn new(reads: bool) -> io::Result<Self> {
        let (stdin, input) = if reads {
            let (reader, writer) = io::pipe()?;
            (reader.into(), Some(OwnedFd::from(writer).into()))
        } else {
            (std::fs::File::open("/dev/null")?.into(), None)
        };
        let (out, stdout) = io::pipe()?;
        let (err, stderr) = io::pipe()?;
        Ok(Self {
            stdin,
            stdout: stdout.into(),
            stderr: stderr.into(),
            ours: (input, OwnedFd::from(out).into(), OwnedFd::from(err).into()),
        })
    }
}

/// The next word of the keeper; none when it is gone.
async fn hear(words: &mut OwnedReadHalf) -> io::Result<Option<Word>> {
    let mut head = [0_u8; 4];
    if let Err(error) = words.read_exact(&mut head).await {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Ok(None),
            _ => Err(error),
        };
    }
    let length = u32::from_le_bytes(head) as usize;
    if length > MAX_WORD {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0_u8; length];
    words.read_exact(&mut body).await?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Opens the directory that a program starts in.
pub(crate) fn directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// Asks the helper what this kernel can do. Blocks for a few milliseconds.
pub(crate) fn probe() -> io::Result<mandate_sandbox::Kernel> {
    let (here, there) = std::os::unix::net::UnixStream::pair()?;
    let mut command = std::process::Command::new(helper_file());
    let mut child = command
        .arg(ARGUMENT)
        .env_clear()
        .stdin(OwnedFd::from(there))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    drop(command);
    let (head, body) = wire::encode(&Order::Probe)?;
    let asked =
        wire::send_head(&here, head, &[]).and_then(|()| io::Write::write_all(&mut &here, &body));
    let word = asked.and_then(|()| wire::receive::<Word>(&here));
    drop(here);
    child.wait()?;
    match word? {
        Some((Word::Can(kernel), _)) => Ok(kernel),
        _ => Err(io::Error::other("the sandbox helper does not answer")),
    }
}
