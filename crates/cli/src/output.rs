//! Standard output and standard error: results on the one, everything else on the other.
//!
//! Nothing here fails at the place where it is called. A reader that went away is no error, and must not keep an
//! execution from being driven to its end; what else goes wrong is told once, by [`Out::finish`].

use clap::ValueEnum;
use serde_json::Value;
use std::{
    cell::{Cell, RefCell},
    io::{self, IsTerminal as _, Write as _},
};

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    Bold,
    Dim,
    Good,
    Warn,
    Bad,
    Busy,
}

/// Paints text for one of the two streams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    #[cfg(test)]
    pub(crate) const OFF: Paint = Paint { on: false };

    /// The text in that look.
    pub(crate) fn look(self, look: Look, text: &str) -> String {
        let code = match look {
            Look::Plain => return text.to_owned(),
            Look::Bold => "1",
            Look::Dim => "2",
            Look::Good => "32",
            Look::Warn => "33",
            Look::Bad => "31",
            Look::Busy => "36",
        };
        if self.on && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.look(Look::Bold, text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.look(Look::Dim, text)
    }

    pub(crate) fn is_on(self) -> bool {
        self.on
    }
}

/// Where a command writes.
#[derive(Debug)]
pub(crate) struct Out {
    json: bool,
    stdout: Paint,
    stderr: Paint,
    closed: Cell<bool>,
    failed: RefCell<Option<io::Error>>,
}

impl Out {
    pub(crate) fn new(json: bool, colour: Colour) -> Self {
        let on = |terminal: bool| Paint {
            on: match colour {
                Colour::Always => true,
                Colour::Never => false,
                Colour::Auto => terminal && colours_wanted(),
            },
        };
        Self {
            json,
            stdout: on(io::stdout().is_terminal()),
            stderr: on(io::stderr().is_terminal()),
            closed: Cell::new(false),
            failed: RefCell::new(None),
        }
    }

    /// Whether standard output is for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Paints what goes to standard output.
    pub(crate) fn paint(&self) -> Paint {
        self.stdout
    }

    /// Paints what goes to standard error.
    pub(crate) fn paint_notes(&self) -> Paint {
        self.stderr
    }

    /// Whether somebody still reads standard output.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Whether standard error is a terminal that can redraw lines.
    pub(crate) fn is_live(&self) -> bool {
        io::stderr().is_terminal() && std::env::var("TERM").is_ok_and(|term| term != "dumb")
    }

    /// A line, or several, on standard output.
    pub(crate) fn line(&self, text: &str) {
        self.write(text.as_bytes());
        self.write(b"\n");
    }

    /// Bytes on standard output as they are.
    pub(crate) fn write(&self, bytes: &[u8]) {
        if self.closed.get() || self.failed.borrow().is_some() {
            return;
        }
        let mut stdout = io::stdout().lock();
        if let Err(error) = stdout.write_all(bytes) {
            if error.kind() == io::ErrorKind::BrokenPipe {
                self.closed.set(true);
            } else {
                *self.failed.borrow_mut() = Some(error);
            }
        }
    }

    /// One JSON value: on one line for programs, indented for people.
    pub(crate) fn value(&self, value: &Value) {
        let text = if io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        self.line(&text.unwrap_or_default());
    }

    /// One JSON value on one line, whoever reads it.
    pub(crate) fn value_line(&self, value: &Value) {
        self.line(&value.to_string());
        self.flush();
    }

    /// A line, or several, on standard error. That nobody reads it is no reason to stop.
    pub(crate) fn note(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes());
        let _ = stderr.write_all(b"\n");
    }

    /// Hands what was written to whoever reads.
    pub(crate) fn flush(&self) {
        if let Err(error) = io::stdout().lock().flush() {
            if error.kind() == io::ErrorKind::BrokenPipe {
                self.closed.set(true);
            } else {
                self.failed.borrow_mut().get_or_insert(error);
            }
        }
    }

    /// What went wrong with standard output, other than that nobody reads it.
    ///
    /// # Errors
    /// The first failure.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.flush();
        self.failed.borrow_mut().take().map_or(Ok(()), Err)
    }
}

fn colours_wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var("TERM").is_ok_and(|term| term != "dumb")
}
