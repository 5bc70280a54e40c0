//! Globs in arguments: `*` stays within a path segment, `**` crosses.

use super::stop::Stop;
use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use mandate_plan::ErrorCode;

/// A matcher of one pattern.
pub(crate) fn one(pattern: &str) -> Result<GlobMatcher, Stop> {
    Ok(parse(pattern)?.compile_matcher())
}

/// A matcher of several patterns; none matches nothing.
pub(crate) fn any(patterns: &[String]) -> Result<GlobSet, Stop> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(parse(pattern)?);
    }
    set.build().map_err(|_| {
        Stop::refused(
            ErrorCode::InvalidPayload,
            "the globs are too large together",
        )
    })
}

fn parse(pattern: &str) -> Result<Glob, Stop> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map_err(|error| {
            Stop::refused(
                ErrorCode::InvalidPayload,
                format!("`{pattern}` is not a glob: {}", error.kind()),
            )
        })
}
