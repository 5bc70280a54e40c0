//! `/v1/executions/ID:cancel`: a verb behind the last segment, which the router knows as a segment of its own.

/// What stands before a verb in the router's paths; no segment of a request may begin with it.
pub(crate) const MARK: &str = "~";

/// The verbs there are. Nothing else behind a colon is one, so that ids may hold colons.
const VERBS: &[&str] = &[
    "accept", "answer", "backtest", "cancel", "check", "complete", "continue", "disable", "enable",
    "evaluate", "override", "pause", "replan", "rerun", "resolve", "restart", "resume", "revoke",
    "stand", "token", "validate", "verify", "watch",
];

/// The path as the router knows it; none if it is one that only the router may write.
pub(crate) fn routed(path: &str) -> Option<String> {
    if path.split('/').any(|segment| segment.starts_with(MARK)) {
        return None;
    }
    let verb = path
        .rsplit_once(':')
        .filter(|(before, verb)| VERBS.contains(verb) && !before.ends_with('/'));
    Some(match verb {
        Some((before, verb)) => format!("{before}/{MARK}{verb}"),
        None => path.to_owned(),
    })
}

/// The router's path of a route as it is documented.
pub(crate) fn route(documented: &str) -> String {
    match documented.rsplit_once(':') {
        Some((before, verb)) => format!("{before}/{MARK}{verb}"),
        None => documented.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_segments_and_colons_are_not() {
        let to = |path: &str| routed(path);
        assert_eq!(
            to("/v1/executions/a:cancel").unwrap(),
            "/v1/executions/a/~cancel"
        );
        assert_eq!(to("/v1/plans:evaluate").unwrap(), "/v1/plans/~evaluate");
        assert_eq!(to("/v1/sessions/a:b").unwrap(), "/v1/sessions/a:b");
        assert_eq!(
            to("/v1/sessions/a%3Acancel").unwrap(),
            "/v1/sessions/a%3Acancel"
        );
        assert_eq!(
            to("/v1/executions/:cancel").unwrap(),
            "/v1/executions/:cancel"
        );
        assert_eq!(to("/v1/executions/a/~cancel"), None);
    }
}
