//! `mandate audit export`.

use crate::{
    context::Context,
    errors::{Exit, Failure},
    ids,
    output::Out,
    when,
};
use clap::{Args, ValueEnum};
use mandate_store::{ExportFormat, ExportOptions, Selection, SigningKey, export};
use std::{collections::BTreeSet, io};

/// What `audit export` takes.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// How each line is written
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    pub(crate) format: Format,
    /// Only this execution; `system` for what belongs to none
    #[arg(long, value_name = "ID")]
    pub(crate) execution: Option<String>,
    /// Only events of this kind; `decisions` for all that decide, ask, answer or refuse
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Vec<String>,
    /// Only what happened since: `24h`, `7d`, or a time
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only what happened before: `24h`, `7d`, or a time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only rows behind this place in the store-wide sequence, and the commits that hold them
    #[arg(long, value_name = "GSEQ", default_value_t = 0)]
    pub(crate) after: u64,
    /// Leave large values out, as the rows do
    #[arg(long)]
    pub(crate) references: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object per line
    Jsonl,
    /// One CloudEvents 1.0 document per line
    Cloudevents,
}

pub(super) fn run(args: &ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let reader = context.reader()?;
    let stream = match args.execution.as_deref() {
        Some(typed) if typed == mandate_store::SYSTEM => Some(typed.to_owned()),
        Some(typed) => Some(ids::execution(&reader, typed)?),
        None => None,
    };
    let time = |text: &Option<String>| {
        let time = text
            .as_deref()
            .map(|text| when::past_ms(text, when::now_ms()));
        time.transpose()
            .map_err(|error| Failure::usage(error.to_string()))
    };
    let options = ExportOptions {
        format: match args.format {
            Format::Jsonl => ExportFormat::JsonLines,
            Format::Cloudevents => ExportFormat::CloudEvents,
        },
        selection: Selection {
            stream,
            kinds: kinds(&args.kind)?,
            since_ms: time(&args.since)?,
            until_ms: time(&args.until)?,
            after_gseq: args.after,
            archive: None,
        },
        keep_references: args.references,
    };
    let key = SigningKey::of_directory(reader.dir())?;
    let out = context.out();
    let mut writer = io::BufWriter::new(Lines { out });
    let exported = export(&reader, &options, &key, &mut writer);
    let flushed = io::Write::flush(&mut writer);
    match exported {
        // Whoever read it has seen enough.
        _ if out.is_closed() => Ok(Exit::Success),
        Ok(_) => {
            flushed.map_err(|error| Failure::io("cannot write the export", &error))?;
            Ok(Exit::Success)
        }
        Err(error) => Err(error.into()),
    }
}

/// The kinds that were typed, `decisions` spelt out. Kinds that this version does not know are taken: journals are older and
/// newer than programs.
///
/// # Errors
/// What is no kind.
pub(crate) fn kinds(typed: &[String]) -> Result<BTreeSet<String>, Failure> {
    let mut kinds = BTreeSet::new();
    for kind in typed {
        if kind == "decisions" {
            kinds.extend(super::DECISIONS.iter().map(|kind| (*kind).to_owned()));
            continue;
        }
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        if kind.is_empty() || !kind.bytes().all(letters) {
            return Err(Failure::usage(format!("`{kind}` is not a kind of event"))
                .remedy("kinds are such as `step_started`; `docs/journal.md` lists them"));
        }
        kinds.insert(kind.clone());
    }
    Ok(kinds)
}

/// Standard output that stops the export when nobody reads it.
struct Lines<'a> {
    out: &'a Out,
}

impl io::Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes);
        if self.out.is_closed() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush();
        Ok(())
    }
}
