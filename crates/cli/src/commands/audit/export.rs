//! `mandate audit export`.

use crate::{
    context::Context,
    errors::{Exit, Failure},
    ids,
    output::Out,
};
use clap::{Args, ValueEnum};
use mandate_store::{ExportFormat, ExportOptions, export};
use std::io;

/// What `audit export` takes.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// How each row is written
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Only this execution
    #[arg(long, value_name = "ID")]
    execution: Option<String>,
    /// Only rows behind this place in the store-wide sequence
    #[arg(long, value_name = "GSEQ", default_value_t = 0)]
    after: u64,
    /// Leave large values out, as the rows do: hashes are taken over that form
    #[arg(long)]
    references: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// One JSON object per row
    Jsonl,
    /// One CloudEvents 1.0 document per row
    Cloudevents,
}

pub(super) fn run(args: &ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let reader = context.reader()?;
    let stream = args.execution.as_deref().map(|typed| ids::execution(&reader, typed)).transpose()?;
    let options = ExportOptions {
        format: match args.format {
            Format::Jsonl => ExportFormat::JsonLines,
            Format::Cloudevents => ExportFormat::CloudEvents,
        },
        stream,
        after_gseq: args.after,
        keep_references: args.references,
    };
    let out = context.out();
    let mut writer = io::BufWriter::new(Lines { out });
    let exported = export(&reader, &options, &mut writer);
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
