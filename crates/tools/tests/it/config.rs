//! The configuration as it is written.

use mandate_tools::ToolsConfig;
use serde_json::json;
use std::path::PathBuf;

#[test]
fn every_key_is_read() {
    let config: ToolsConfig = serde_json::from_value(json!({
        "fs": {"roots": ["/a", "b"], "max_bytes": 1, "max_entries": 2},
        "http": {"allow_private": ["10.0.0.0/8"], "max_bytes": 3, "connect_timeout_ms": 4, "timeout_ms": 5, "max_redirects": 6},
        "process": {
            "env": ["PATH"], "max_output_bytes": 7, "timeout_ms": 8,
            "limits": {"cpu_seconds": 9, "address_space_bytes": 10, "file_bytes": 11, "open_files": 12, "processes": 13},
        },
        "secrets": {"A": {"env": "X", "tools": ["http.request"], "hosts": ["h"]}, "B": {"file": "/f"}, "C": {"command": ["c"]}},
    }))
    .unwrap();
    assert_eq!(config.fs.roots, [PathBuf::from("/a"), PathBuf::from("b")]);
    assert_eq!(
        (config.http.timeout_ms, config.process.limits.processes),
        (5, Some(13))
    );
    assert_eq!(config.secrets["A"].env.as_deref(), Some("X"));
    let again: ToolsConfig =
        serde_json::from_value(serde_json::to_value(&config).unwrap()).unwrap();
    assert_eq!(again, config);
}

#[test]
fn nothing_is_required_and_nothing_unknown_is_taken() {
    assert_eq!(
        serde_json::from_value::<ToolsConfig>(json!({})).unwrap(),
        ToolsConfig::default()
    );
    for bad in [
        json!({"fss": {}}),
        json!({"fs": {"root": []}}),
        json!({"http": {"allow": []}}),
        json!({"process": {"limits": {"memory": 1}}}),
        json!({"secrets": {"A": {"value": "plain"}}}),
    ] {
        assert!(
            serde_json::from_value::<ToolsConfig>(bad.clone()).is_err(),
            "{bad}"
        );
    }
}
