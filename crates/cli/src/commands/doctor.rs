//! `mandate doctor`: looks at the set-up and says what to do about what it finds. It changes nothing.

mod checks;
mod client;
mod data;
mod sandbox;

use crate::{
    clients::ClientKind,
    context::Context,
    errors::{Exit, Failure},
    output::Look,
    render::shown,
};
use clap::Args;
use serde_json::{Value, json};

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Note,
    Bad,
}

/// One thing that was looked at.
#[derive(Debug)]
struct Finding {
    about: &'static str,
    verdict: Verdict,
    text: String,
    fix: Option<String>,
}

impl Finding {
    fn good(about: &'static str, text: impl Into<String>) -> Self {
        Self {
            about,
            verdict: Verdict::Good,
            text: text.into(),
            fix: None,
        }
    }

    fn note(about: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            about,
            verdict: Verdict::Note,
            text: text.into(),
            fix: Some(fix.into()),
        }
    }

    fn bad(about: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            about,
            verdict: Verdict::Bad,
            text: text.into(),
            fix: Some(fix.into()),
        }
    }

    fn to_json(&self) -> Value {
        let verdict = match self.verdict {
            Verdict::Good => "ok",
            Verdict::Note => "note",
            Verdict::Bad => "problem",
        };
        json!({ "about": self.about, "verdict": verdict, "text": self.text, "fix": self.fix })
    }
}

/// What `doctor` takes.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Look at this MCP client instead: which ways around the gateway an agent in it has
    #[arg(long, value_enum, value_name = "NAME")]
    client: Option<ClientKind>,
}

pub(super) fn run(args: &DoctorArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let findings = match args.client {
        Some(kind) => client::check(kind, context)?,
        None => checks::all(context),
    };
    let bad = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Bad)
        .count();
    let exit = if bad == 0 {
        Exit::Success
    } else {
        Exit::Failure
    };
    if out.is_json() {
        let all: Vec<Value> = findings.iter().map(Finding::to_json).collect();
        out.value(&json!({ "ok": bad == 0, "findings": all }));
        return Ok(exit);
    }
    let paint = out.paint();
    for finding in &findings {
        let (sign, look) = match finding.verdict {
            Verdict::Good => ("✓", Look::Good),
            Verdict::Note => ("!", Look::Warn),
            Verdict::Bad => ("✗", Look::Bad),
        };
        out.line(&format!(
            "{} {} {}",
            paint.look(look, sign),
            paint.bold(&format!("{:<14}", finding.about)),
            shown::lines(&finding.text)
        ));
        if let Some(fix) = &finding.fix {
            out.line(&format!("                 {} {fix}", paint.dim("try:")));
        }
    }
    let problems = if bad == 1 { "problem" } else { "problems" };
    out.line(&match bad {
        0 => format!("\n{}", paint.look(Look::Good, "everything is in order")),
        _ => format!("\n{}", paint.look(Look::Bad, &format!("{bad} {problems}"))),
    });
    Ok(exit)
}
