//! Asking in the terminal.

use crate::{interrupt::Interrupts, output::Out};
use std::{
    io::{BufRead as _, IsTerminal as _, Write as _},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::Duration,
};

/// Whether there is somebody to ask: they must see the question and be able to answer.
pub(crate) fn somebody_is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// What was answered to the question whether a plan may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Yes(Option<String>),
    No(Option<String>),
    /// Neither: the execution waits.
    Later,
    /// Ctrl-C or the like.
    Interrupted,
}

/// Lines that somebody types. Read on a thread of their own, so that signals are seen meanwhile.
struct Typed {
    lines: Receiver<Option<String>>,
    asked: std::sync::mpsc::Sender<()>,
}

impl Typed {
    fn start() -> Self {
        let (asked, wanted) = channel();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            while wanted.recv().is_ok() {
                let mut line = String::new();
                let read = std::io::stdin().lock().read_line(&mut line);
                let line = read.is_ok_and(|bytes| bytes > 0).then_some(line);
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines, asked }
    }

    /// The next line; none at the end of the input. `Err` when a signal came.
    fn line(&self, interrupts: &Interrupts) -> Result<Option<String>, ()> {
        let _ = self.asked.send(());
        loop {
            if interrupts.presses() > 0 || interrupts.must_leave() {
                return Err(());
            }
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => return Ok(line.map(|line| line.trim().to_owned())),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }
}

/// Asks whether a plan may run.
pub(crate) fn ask(out: &Out, interrupts: &Interrupts) -> Said {
    let typed = Typed::start();
    let paint = out.paint_notes();
    loop {
        question(&format!("{} [y/N, l = later] ", paint.bold("Approve this plan?")));
        let answer = match typed.line(interrupts) {
            Err(()) => return interrupted(out),
            Ok(None) => return Said::Later,
            Ok(Some(answer)) => answer.to_lowercase(),
        };
        let yes = match answer.as_str() {
            "y" | "yes" => true,
            "" | "n" | "no" => false,
            "l" | "later" => return Said::Later,
            _ => {
                out.note("`y` approves, `n` rejects, `l` lets it wait");
                continue;
            }
        };
        question(&format!("{} ", paint.dim("Reason (may be empty):")));
        let reason = match typed.line(interrupts) {
            Err(()) => return interrupted(out),
            Ok(reason) => reason.filter(|reason| !reason.is_empty()),
        };
        return if yes { Said::Yes(reason) } else { Said::No(reason) };
    }
}

fn interrupted(out: &Out) -> Said {
    out.note("");
    Said::Interrupted
}

fn question(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}
