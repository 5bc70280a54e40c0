//! Reading plans, inputs and other documents from files and standard input.

use crate::{
    context::Context,
    errors::{Failure, Kind},
    render::violations,
    toolbox,
};
use mandate_plan::{
    CheckedPlan, Document, Format, ToolLookup, Violation, check, document::MAX_BYTES, parse,
};
use mandate_tools::Registry;
use std::{fs::File, io::Read as _, path::Path, sync::Arc};

/// The text of a document and what it is called in messages.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) format: Format,
}

impl Source {
    /// Reads a file, or standard input for `-`: one byte more than a document may have at most.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn read(path: &str) -> Result<Self, Failure> {
        let most = u64::try_from(MAX_BYTES)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let mut bytes = Vec::new();
        let (name, result) = if path == "-" {
            let stdin = std::io::stdin().lock();
            (
                "<stdin>".to_owned(),
                stdin.take(most).read_to_end(&mut bytes),
            )
        } else {
            let opened = File::open(path).and_then(|file| {
                if file.metadata()?.is_dir() {
                    return Err(std::io::Error::other("it is a directory"));
                }
                Ok(file)
            });
            let read = opened.and_then(|file| file.take(most).read_to_end(&mut bytes));
            (path.to_owned(), read)
        };
        result.map_err(|error| {
            Failure::usage(format!("cannot read `{name}`: {}", plain(&error)))
                .remedy("give the path of a file, or `-` for standard input")
        })?;
        let format = Format::of_name(path);
        Ok(Self {
            name,
            bytes,
            format,
        })
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// The system's words for it, without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    let mut text: String = text.chars().take(end).collect();
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_lowercase();
    }
    text
}

/// A plan that passed every check, and what was remarked about it.
pub(crate) struct ReadPlan {
    pub(crate) plan: Arc<CheckedPlan>,
    pub(crate) warnings: Vec<Violation>,
    pub(crate) source: Source,
}

/// Reads and checks a plan. With `tools`, also that the tools exist and that literal arguments fit them; the tool
/// servers that it names are started for that.
///
/// # Errors
/// Everything that is wrong with it, at once; or a tool server that does not work.
pub(crate) fn read_plan(
    context: &Context,
    path: &str,
    tools: Option<&Registry>,
) -> Result<ReadPlan, Failure> {
    let source = Source::read(path)?;
    let document = read_document(context, &source)?;
    if let Some(registry) = tools {
        toolbox::prepare(registry, &document)?;
    }
    let lookup = tools.map(Registry::snapshot);
    let lookup = lookup
        .as_ref()
        .map(|lookup| lookup.as_ref() as &dyn ToolLookup);
    let checked = check(&document, lookup);
    match checked.plan {
        Some(plan) => Ok(ReadPlan {
            plan,
            warnings: checked.violations,
            source,
        }),
        None => Err(invalid(context, &source, checked.violations)),
    }
}

/// Reads a plan's document without checking what it means.
///
/// # Errors
/// Everything that keeps it from being read.
pub(crate) fn read_document(context: &Context, source: &Source) -> Result<Document, Failure> {
    parse(&source.bytes, source.format).map_err(|found| invalid(context, source, found))
}

/// The failure that says all that is wrong with a document.
pub(crate) fn invalid(context: &Context, source: &Source, found: Vec<Violation>) -> Failure {
    let errors = found
        .iter()
        .filter(|violation| violation.is_error())
        .count();
    let many = if errors == 1 { "error" } else { "errors" };
    let message = format!("`{}` is not a valid plan: {errors} {many}", source.name);
    let report = if context.out().is_json() {
        String::new()
    } else {
        violations::with_source(
            &source.name,
            &source.text(),
            &found,
            context.out().paint_notes(),
        )
    };
    Failure::new(Kind::InvalidPlan, message)
        .with_violations(found, report)
        .remedy("mend what is marked; `docs/violations.md` says more about each code")
}

/// Says what was remarked about a plan that is valid.
pub(crate) fn note_warnings(context: &Context, read: &ReadPlan) {
    if read.warnings.is_empty() || context.out().is_json() {
        return;
    }
    let paint = context.out().paint_notes();
    let text = read.source.text();
    let report = violations::with_source(&read.source.name, &text, &read.warnings, paint);
    context.out().note(report.trim_end());
}

/// Whether a file is there.
pub(crate) fn exists(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}
