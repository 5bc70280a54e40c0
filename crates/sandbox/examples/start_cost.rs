//! What it costs to start a program beside a keeper, and confined: `/bin/true`, to its end, one after the other.
//!
//! ```console
//! $ cargo run --release -p mandate-sandbox --example start_cost
//! ```
#![allow(
    clippy::print_stdout,
    missing_docs,
    reason = "it prints what it measured"
)]

use mandate_sandbox::{ARGUMENT, HELPER, Limits, Order, Profile, Start, Word, wire};
use rustix::fd::{AsFd as _, OwnedFd};
use std::{
    error::Error,
    fs::File,
    io::Write as _,
    os::unix::net::UnixStream,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    if let Some(exit) = mandate_sandbox::helper() {
        return exit;
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Failure> {
    let confined = Profile {
        write: vec![std::env::temp_dir()],
        ..Profile::default()
    };
    // Something beneath what is granted that must be hidden.
    let protected = std::env::temp_dir().join("mandate-start-cost");
    std::fs::create_dir_all(&protected)?;
    let hiding = Profile {
        hidden: vec![protected.clone()],
        ..confined.clone()
    };
    let ways: [(&str, &dyn Fn() -> Result<(), Failure>); 4] = [
        ("plain", &plain),
        ("kept", &|| kept(None)),
        ("kept and confined", &|| kept(Some(&confined))),
        ("the same, something hidden", &|| kept(Some(&hiding))),
    ];
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); ways.len()];
    let mut ticks = vec![0_u64; ways.len()];
    // In turns, so that whatever else the machine does hits all of them.
    for _ in 0..300 {
        for (((_, start), times), ticks) in ways.iter().zip(&mut times).zip(&mut ticks) {
            let (before, begun) = (processor_ticks()?, Instant::now());
            start()?;
            times.push(begun.elapsed());
            *ticks += processor_ticks()? - before;
        }
    }
    for (((name, _), times), ticks) in ways.iter().zip(&mut times).zip(ticks) {
        times.sort();
        let at = |part: usize| {
            times
                .get(times.len() * part / 100)
                .copied()
                .unwrap_or_default()
        };
        // A tick is ten milliseconds; sampled, but over many starts.
        let processor = Duration::from_millis(10 * ticks) / u32::try_from(times.len())?;
        println!(
            "{name:<28} p50 {:>9.2?}  p99 {:>9.2?}  processor {processor:>9.2?}",
            at(50),
            at(99)
        );
    }
    std::fs::remove_dir(protected)?;
    Ok(())
}

/// Processor time of this process and of all that it waited for.
fn processor_ticks() -> Result<u64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(") ").ok_or("no fields")?;
    let fields = rest.split_whitespace().skip(11).take(4);
    let mut sum = 0;
    for field in fields {
        sum += field.parse::<u64>()?;
    }
    Ok(sum)
}

fn plain() -> Result<(), Failure> {
    Command::new("/bin/true").env_clear().status()?;
    Ok(())
}

fn kept(profile: Option<&Profile>) -> Result<(), Failure> {
    let (here, there) = UnixStream::pair()?;
    let mut command = Command::new(HELPER);
    let mut keeper = command
        .arg(ARGUMENT)
        .env_clear()
        .stdin(OwnedFd::from(there))
        .stdout(Stdio::null())
        .spawn()?;
    drop(command);
    let order = Order::Keep(Start {
        program: "/bin/true".into(),
        args: Vec::new(),
        env: Vec::new(),
        profile: profile.cloned(),
        limits: Limits::default(),
    });
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let directory = File::open("/tmp")?;
    let files = [null.as_fd(), null.as_fd(), null.as_fd(), directory.as_fd()];
    let (head, body) = wire::encode(&order)?;
    wire::send_head(&here, head, &files)?;
    (&here).write_all(&body)?;
    let started = wire::receive::<Word>(&here)?.map(|(word, _)| word);
    if started != Some(Word::Started) {
        return Err(format!("not started: {started:?}").into());
    }
    wire::receive::<Word>(&here)?;
    keeper.wait()?;
    Ok(())
}
