//! What is logged, and where traces go: from `[log]`, `[telemetry]` and the variables that OpenTelemetry knows.

use super::merge::Merged;
use crate::errors::Failure;
use mandate_server::telemetry::Export;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    /// What is let through; none = nothing is logged.
    pub(crate) filter: Option<String>,
    pub(crate) style: Style,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// For people.
    Pretty,
    /// A JSON object per line.
    Json,
}

fn text<'m>(merged: &'m Merged, path: &str) -> Option<&'m str> {
    merged.get(path).and_then(|(value, _)| value.as_str())
}

pub(super) fn log(merged: &Merged) -> Result<Log, Failure> {
    let filter = std::env::var("MANDATE_LOG").ok();
    let set = text(merged, "log.level").map(str::to_owned);
    let style = match merged.get("log.format") {
        None => Style::Pretty,
        Some((Value::String(format), _)) if format == "pretty" => Style::Pretty,
        Some((Value::String(format), _)) if format == "json" => Style::Json,
        Some((value, place)) => {
            return Err(Failure::config(format!(
                "{place}: `log.format` is `pretty` or `json`, not {value}"
            )));
        }
    };
    let filter = filter.or(set);
    Ok(Log { filter, style })
}

/// Where traces go, if they are to go anywhere.
pub(super) fn traces(
    merged: &Merged,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Export>, Failure> {
    let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let says = |name: &str, value: &str| {
        variable(name).is_some_and(|said| said.trim().eq_ignore_ascii_case(value))
    };
    if says("OTEL_SDK_DISABLED", "true") || says("OTEL_TRACES_EXPORTER", "none") {
        return Ok(None);
    }
    let of_base = |base: String| format!("{}/v1/traces", base.trim_end_matches('/'));
    let endpoint = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        .or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT").map(of_base))
        .or_else(|| text(merged, "telemetry.endpoint").map(|base| of_base(base.to_owned())));
    let Some(endpoint) = endpoint else {
        return Ok(None);
    };
    let protocol = variable("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        .or_else(|| variable("OTEL_EXPORTER_OTLP_PROTOCOL"));
    if protocol.is_some_and(|protocol| protocol.trim() == "grpc") {
        let message = "traces are sent over HTTP, and `OTEL_EXPORTER_OTLP_PROTOCOL` says `grpc`";
        return Err(Failure::config(message).remedy(
            "set it to `http/json` and `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` to the collector's address for HTTP (port 4318), or set `OTEL_TRACES_EXPORTER=none`",
        ));
    }
    let service = variable("OTEL_SERVICE_NAME")
        .or_else(|| text(merged, "telemetry.service_name").map(str::to_owned));
    let mut headers = Vec::new();
    for name in [
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    ] {
        headers.extend(variable(name).map(|list| pairs(&list)).unwrap_or_default());
    }
    let attributes = variable("OTEL_RESOURCE_ATTRIBUTES");
    Ok(Some(Export {
        endpoint: endpoint.trim().to_owned(),
        headers,
        service_name: service.unwrap_or_else(|| "mandate".to_owned()),
        attributes: attributes.map(|list| pairs(&list)).unwrap_or_default(),
    }))
}

/// `name=value,name=value`, percent-encoded.
fn pairs(list: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let text = percent_decode_str(text.trim()).decode_utf8_lossy();
        text.into_owned()
    };
    let pairs = list.split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Option<Export>, Failure> {
        traces(&Merged::default(), |name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_variables_of_opentelemetry_say_where_traces_go() {
        const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        assert_eq!(of(&[]).unwrap(), None);
        let export = of(&[
            (ENDPOINT, "http://collector:4318/"),
            ("OTEL_SERVICE_NAME", "plans"),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer%20x, a=b",
            ),
        ]);
        let export = export.unwrap().unwrap();
        assert_eq!(export.endpoint, "http://collector:4318/v1/traces");
        assert_eq!(export.service_name, "plans");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            export.headers,
            [pair("authorization", "Bearer x"), pair("a", "b")]
        );
        let own = [
            (ENDPOINT, "http://a"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b/x"),
        ];
        assert_eq!(of(&own).unwrap().unwrap().endpoint, "http://b/x");
        for off in [
            ("OTEL_SDK_DISABLED", "true"),
            ("OTEL_TRACES_EXPORTER", "none"),
        ] {
            assert_eq!(of(&[(ENDPOINT, "http://a"), off]).unwrap(), None);
        }
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        assert!(of(&[(ENDPOINT, "http://a"), grpc]).is_err());
    }
}
