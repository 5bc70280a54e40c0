//! What of Mandate's own environment a process sees.

use std::ffi::OsString;

/// The variable that every process of a tool has, so that the host knows it again: the number of the host's process.
pub const CHILD_MARK: &str = "MANDATE_TOOL_OF";

/// The mark for a process that is started now.
pub(crate) fn mark() -> (&'static str, String) {
    (CHILD_MARK, std::process::id().to_string())
}

/// The variables that the allowlist names; `NAME*` stands for a prefix.
pub(crate) fn allowed(allowlist: &[String]) -> Vec<(OsString, OsString)> {
    select(allowlist, std::env::vars_os())
}

fn select(
    allowlist: &[String],
    all: impl Iterator<Item = (OsString, OsString)>,
) -> Vec<(OsString, OsString)> {
    all.filter(|(name, _)| {
        let name = name.to_string_lossy();
        allowlist
            .iter()
            .any(|allowed| match allowed.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == *allowed,
            })
    })
    .collect()
}

/// Whether a plan may set this variable.
pub(crate) fn may_be_set(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

#[cfg(test)]
mod tests {
    use super::select;

    #[test]
    fn only_what_is_named_passes() {
        let all = ["PATH", "LC_ALL", "LC", "AWS_SECRET_ACCESS_KEY", "PATHX"];
        let all = all.map(|name| (name.into(), "x".into()));
        let allowlist = ["PATH", "LC_*"].map(str::to_owned);
        let names: Vec<_> = select(&allowlist, all.into_iter())
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["PATH", "LC_ALL"]);
    }
}
