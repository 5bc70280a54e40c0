//! The Cedar schema that every policy is checked against, and the names that its texts can take.

use cedar_policy::Schema;
use mandate_policy::classify::Category;
use std::sync::LazyLock;

/// The schema's text.
pub const SCHEMA: &str = include_str!("mandate.cedarschema");

static PARSED: LazyLock<Result<Schema, String>> = LazyLock::new(|| {
    Schema::from_cedarschema_str(SCHEMA)
        .map(|(schema, _)| schema)
        .map_err(|error| error.to_string())
});

/// The schema; its text is a constant, so that an error is one of this program.
pub(crate) fn schema() -> Result<&'static Schema, &'static str> {
    PARSED.as_ref().map_err(String::as_str)
}

/// The texts that an attribute can have or hold; `None`: any.
pub(crate) fn closed_list(path: &str) -> Option<Vec<&'static str>> {
    Some(match path {
        "context.moment" => vec!["plan", "call"],
        "context.purpose" => vec!["run", "compensate"],
        "context.category"
        | "context.recent.last_1"
        | "context.recent.last_3"
        | "context.recent.last_10"
        | "context.recent.last_32" => Category::ALL.iter().map(|it| it.as_str()).collect(),
        "context.risk.level" => vec!["info", "low", "medium", "high", "critical"],
        "context.sinks" | "context.untrusted_sinks" | "context.unendorsed_sinks" => {
            vec!["recipient", "url", "path", "command", "amount"]
        }
        "context.time.weekday" => vec![
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
        ],
        "resource.effect" => vec!["read", "write", "delete", "network", "execute"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_is_valid() {
        assert_eq!(super::schema().err(), None);
    }
}
