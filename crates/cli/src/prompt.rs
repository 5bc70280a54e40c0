//! Asking in the terminal.

use crate::{
    commands::inbox::answer::typed_data,
    interrupt::Interrupts,
    output::{Look, Out},
    render::shown,
};
use mandate_engine::event::{Request, Takes};
use mandate_plan::misfit;
use serde_json::Value;
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

/// What was answered to a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    Answer {
        choice: String,
        data: Option<Value>,
        reason: Option<String>,
    },
    /// Nothing: it waits.
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
        question(&format!(
            "{} [y/N, l = later] ",
            paint.bold("Approve this plan?")
        ));
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
        return if yes {
            Said::Yes(reason)
        } else {
            Said::No(reason)
        };
    }
}

fn interrupted(out: &Out) -> Said {
    out.note("");
    Said::Interrupted
}

/// Asks what a request asks.
pub(crate) fn request(out: &Out, interrupts: &Interrupts, request: &Request) -> Told {
    let asking = Asking {
        out,
        interrupts,
        request,
        typed: Typed::start(),
    };
    match asking.ask() {
        Ok(told) => told,
        Err(()) => {
            out.note("");
            Told::Interrupted
        }
    }
}

/// One request, being asked. `Err` when a signal came.
struct Asking<'a> {
    out: &'a Out,
    interrupts: &'a Interrupts,
    request: &'a Request,
    typed: Typed,
}

impl Asking<'_> {
    fn ask(&self) -> Result<Told, ()> {
        let Some(choice) = self.choice()? else {
            return Ok(Told::Later);
        };
        let data = loop {
            match self.data(&choice)? {
                Given::Data(data) => break data,
                Given::Again => {}
                Given::Later => return Ok(Told::Later),
            }
        };
        let reason = if matches!(choice.as_str(), "approve" | "reject" | "fail") {
            let paint = self.out.paint_notes();
            question(&format!("{} ", paint.dim("Reason (may be empty):")));
            let reason = self.typed.line(self.interrupts)?;
            reason.filter(|reason| !reason.is_empty())
        } else {
            None
        };
        Ok(Told::Answer {
            choice,
            data,
            reason,
        })
    }

    /// One of the choices; none for later.
    fn choice(&self) -> Result<Option<String>, ()> {
        let choices = &self.request.choices;
        if let [only] = choices.as_slice() {
            return Ok(Some(only.clone()));
        }
        let paint = self.out.paint_notes();
        let default = self.request.default.as_ref().map(|default| &default.choice);
        for (number, choice) in choices.iter().enumerate() {
            let mark = if Some(choice) == default {
                paint.dim("  (Enter)")
            } else {
                String::new()
            };
            self.out.note(&format!(
                "  {} {}{mark}",
                paint.bold(&format!("{}", number.saturating_add(1))),
                shown::line(choice)
            ));
        }
        loop {
            question(&format!(
                "{} [1-{}, l = later] ",
                paint.bold("Your answer?"),
                choices.len()
            ));
            let Some(line) = self.typed.line(self.interrupts)? else {
                return Ok(None);
            };
            let numbered = line.parse::<usize>().ok();
            let numbered = numbered.and_then(|number| choices.get(number.checked_sub(1)?));
            let named = choices
                .iter()
                .find(|choice| shown::line(choice).eq_ignore_ascii_case(&line));
            // A yes is a yes, however it is put.
            let word = match line.to_lowercase().as_str() {
                "y" | "yes" => Some("approve"),
                "n" | "no" => Some("reject"),
                _ => None,
            };
            let meant = word.and_then(|word| choices.iter().find(|choice| *choice == word));
            match (line.as_str(), named.or(numbered).or(meant), default) {
                (_, Some(choice), _) => return Ok(Some(choice.clone())),
                ("", None, Some(default)) => return Ok(Some(default.clone())),
                ("l" | "later", None, _) => return Ok(None),
                _ => self
                    .out
                    .note("type the number of an answer, or `l` to let it wait"),
            }
        }
    }

    /// The data that a choice takes.
    fn data(&self, choice: &str) -> Result<Given, ()> {
        let takes = self.request.takes(choice);
        if takes == Takes::Nothing {
            return Ok(Given::Data(None));
        }
        let paint = self.out.paint_notes();
        let default = self.request.default.as_ref();
        let default = default.filter(|default| default.choice == choice);
        let default = default.and_then(|default| default.data.clone());
        let enter = match (&default, choice, takes) {
            (Some(default), ..) => format!("Enter = {}", shown::value(default, 60)),
            (None, "grant", _) => "Enter = the plan's own number".to_owned(),
            (None, "done", _) => "Enter = null".to_owned(),
            _ => String::new(),
        };
        let what = self.what(choice);
        let hints: Vec<&str> = [enter.as_str(), "Ctrl-D = later"]
            .into_iter()
            .filter(|hint| !hint.is_empty())
            .collect();
        question(&format!("{} [{}] ", paint.bold(&what), hints.join(", ")));
        let Some(line) = self.typed.line(self.interrupts)? else {
            self.out.note("");
            return Ok(Given::Later);
        };
        if line.is_empty() {
            return Ok(match (default, takes) {
                (Some(default), _) => Given::Data(Some(default)),
                (None, Takes::MayHold) => Given::Data(None),
                _ => Given::Again,
            });
        }
        let schema = self.request.answer_schema.as_ref();
        let fits = typed_data(self.request, &line).and_then(|data| {
            match schema.and_then(|schema| misfit(schema, &data)) {
                None => Ok(data),
                Some(problem) => Err(problem),
            }
        });
        Ok(match fits {
            Ok(data) => Given::Data(Some(data)),
            Err(problem) => {
                let problem = format!("that does not fit: {}", shown::line(&problem));
                self.out.note(&paint.look(Look::Bad, &problem));
                Given::Again
            }
        })
    }

    fn what(&self, choice: &str) -> String {
        let wanted = self.request.answer_schema.as_ref();
        let wanted = wanted.and_then(|schema| schema.get("type")?.as_str());
        match (choice, wanted) {
            ("grant", _) => "How many more calls?".to_owned(),
            ("supply" | "done", Some(kind)) => format!("The output, JSON of type {kind}:"),
            ("supply" | "done", None) => "The output, as JSON:".to_owned(),
            (_, Some("string")) => "Your answer:".to_owned(),
            (_, Some(kind)) => format!("Your answer, JSON of type {kind}:"),
            _ => "Your answer, as JSON:".to_owned(),
        }
    }
}

/// What came of asking for data.
enum Given {
    Data(Option<Value>),
    Again,
    Later,
}

fn question(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}
