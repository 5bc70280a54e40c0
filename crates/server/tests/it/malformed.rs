//! What no client should send: each is answered with a problem, or not at all, and the server lives.

use crate::client::{connect, raw};
use crate::rig::{Rig, Setup, reads};
use mandate_server::ServerSettings;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

fn rig() -> Rig {
    let settings = ServerSettings {
        read_timeout: Duration::from_millis(250),
        max_body_bytes: 64 * 1024,
        ..ServerSettings::default()
    };
    Rig::with(Setup {
        settings,
        ..Setup::default()
    })
}

/// The status of the first answer; none = the connection was closed.
fn status(answer: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(answer);
    text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

fn lives(rig: &Rig) {
    rig.anybody().submit(&reads("lives", 1)).is(201);
}

#[test]
fn bodies_that_are_not_what_they_say_are_refused() {
    let rig = rig();
    let json_body = rig.anybody().and("content-type", "application/json");
    let deep = |open: &str, close: &str| {
        format!(
            "{{\"plan\":{}1{}}}",
            open.repeat(4_000),
            close.repeat(4_000)
        )
    };
    let plan = reads("x", 1).to_string();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("bad UTF-8", b"{\"plan\":\"\xff\xfe\"}".to_vec()),
        ("lone surrogate", br#"{"plan":"\ud800"}"#.to_vec()),
        ("huge exponent", br#"{"plan":{"version":1e999999999}}"#.to_vec()),
        ("huge integer", format!("{{\"plan\":{{\"version\":{}}}}}", "9".repeat(10_000)).into_bytes()),
        ("deep arrays", deep("[", "]").into_bytes()),
        ("deep objects", deep("{\"a\":", "}").into_bytes()),
        ("deep in text", json!({ "plan": format!("a: {}", "[".repeat(4_000)) }).to_string().into_bytes()),
        ("aliases that grow", json!({ "plan": "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]" }).to_string().into_bytes()),
        ("key twice", br#"{"plan":{"version":1,"version":1}}"#.to_vec()),
        ("cut off", plan.as_bytes()[..plan.len() / 2].to_vec()),
        ("two values", b"{} {}".to_vec()),
        ("nothing", b"".to_vec()),
        ("null", b"null".to_vec()),
        ("text", b"\"plan\"".to_vec()),
        ("array", b"[]".to_vec()),
        ("NaN", b"{\"plan\": NaN}".to_vec()),
        ("zero bytes", vec![0; 1_000]),
        ("byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("wrong member", b"{\"plam\": {}}".to_vec()),
        ("inputs that JSON leaves open", br#"{"plan":{},"inputs":{"a":1,"a":2}}"#.to_vec()),
    ];
    let paths = [
        "/v1/executions",
        "/v1/plans:validate",
        "/v1/plans:evaluate",
        "/v1/enforce",
    ];
    for (what, body) in &bodies {
        for path in paths {
            let answer = json_body.send("POST", path, Some(body));
            // What is wrong with a plan that is only checked is the answer.
            let checked = path == "/v1/plans:validate" && answer.status == 200;
            if checked {
                assert_eq!(answer.json()["valid"], false, "{what}");
                continue;
            }
            assert!(
                matches!(answer.status, 400 | 403 | 404 | 422),
                "{what} to {path}: {} {}",
                answer.status,
                answer.text()
            );
            answer.assert_problem();
        }
    }
    for kind in [
        "",
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/x-www-form-urlencoded",
    ] {
        let asks = rig.anybody().and("content-type", kind);
        asks.send("POST", "/v1/executions", Some(b"{}")).is(415);
    }
    rig.anybody()
        .send("POST", "/v1/executions", Some(b"{}"))
        .is(415);
    json_body
        .and("content-encoding", "gzip")
        .send("POST", "/v1/executions", Some(b"{}"))
        .is(415);
    json_body
        .send("POST", "/v1/executions", Some(&vec![b' '; 65 * 1024]))
        .is(413);
    rig.anybody()
        .and("content-type", "application/vnd.x+json; charset=utf-8")
        .send("POST", "/v1/executions", Some(b"{}"))
        .is(400);
    lives(&rig);
}

#[test]
fn a_list_is_no_object_however_well_its_members_fit() {
    let rig = rig();
    let anybody = rig.anybody();
    for (path, body) in [
        ("/v1/policies:backtest", json!([null, null])),
        ("/v1/freeze", json!(["because"])),
        ("/v1/executions", json!([reads("x", 1)])),
        (
            "/v1/executions",
            json!({ "plan": reads("x", 1), "context": [null, "r"] }),
        ),
    ] {
        anybody.post(path, &body).is(400);
    }
    anybody.post("/v1/freeze", &json!([])).is(400);
    assert_eq!(
        anybody.get("/v1/freeze").is(200).json()["freeze"],
        serde_json::Value::Null
    );
}

#[test]
fn paths_and_parameters_that_are_none_are_refused() {
    let rig = rig();
    let anybody = rig.anybody();
    for path in [
        "//v1/executions",
        "/v1//executions",
        "/v1/executions/",
        "/v1/../v1/executions",
        "/v1/executions/%",
        "/v1/executions/%zz",
        "/v1/executions/%ff",
        "/v1/executions/a%00b",
        "/v1/executions/a:odd",
        "/v1/executions/~cancel",
        "/v1/executions/a/~cancel",
        "/V1/executions",
        "/v1/executions;x=1",
        "/v1/tools/%2e%2e%2f%2e%2e%2fetc",
        "/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1/executions?limit=99999999999999999999",
        "/v1/executions/x/events?after=9223372036854775807",
        "/v1/executions/x/events?after=9223372036854775808",
        "/v1/executions?%00=1",
        "/v1/executions?a",
        "/v1/executions?limit=1e3",
        "/v1/executions?since=9999999999999999999999",
        "/v1/executions/x/steps/%5B%5D",
        "/v1/executions/x/events?after=-1",
        "/v1/plans/%F0%9F%92%A3",
    ] {
        let answer = anybody.get(path);
        assert!(
            (400..500).contains(&answer.status),
            "{path}: {}",
            answer.status
        );
        answer.assert_problem();
    }
    let many = format!("/v1/executions?{}", "state=&".repeat(200));
    anybody.get(&many).is(400);
    for method in ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "FOO"] {
        anybody.send(method, "/v1/executions", None).is(405);
    }
    anybody.send("POST", "/v1/executions/x", Some(b"")).is(405);
    anybody.get("/v1/thaw").is(405);
    lives(&rig);
}

#[test]
fn requests_that_two_readers_read_differently_are_refused() {
    let rig = rig();
    let host = rig.address();
    let smuggled = "GET /v1/keys HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let post = |headers: &str, body: &str| {
        format!(
            "POST /v1/plans:validate HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n{headers}\r\n{body}"
        )
    };
    let shapes: Vec<(&str, String)> = vec![
        (
            "both lengths",
            post(
                "content-length: 6\r\ntransfer-encoding: chunked\r\n",
                &format!("0\r\n\r\n{smuggled}"),
            ),
        ),
        (
            "two lengths",
            post(
                "content-length: 2\r\ncontent-length: 40\r\n",
                &format!("{{}}{smuggled}"),
            ),
        ),
        ("negative length", post("content-length: -1\r\n", "{}")),
        ("length with sign", post("content-length: +2\r\n", "{}")),
        ("length in hex", post("content-length: 0x2\r\n", "{}")),
        (
            "huge length",
            post("content-length: 99999999999999999999999\r\n", "{}"),
        ),
        ("list of lengths", post("content-length: 2, 3\r\n", "{}")),
        (
            "odd coding",
            post("transfer-encoding: xchunked\r\n", "0\r\n\r\n"),
        ),
        (
            "coding twice",
            post(
                "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
                "0\r\n\r\n",
            ),
        ),
        ("space before colon", post("content-length : 2\r\n", "{}")),
        ("folded", post("x: a\r\n b\r\ncontent-length: 2\r\n", "{}")),
        (
            "bare CR",
            post("x: a\rcontent-length: 5\r\ncontent-length: 2\r\n", "{}"),
        ),
        (
            "zero in header",
            post("x: a\0b\r\ncontent-length: 2\r\n", "{}"),
        ),
        (
            "bad chunk",
            post("transfer-encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"),
        ),
        (
            "chunk too long",
            post(
                "transfer-encoding: chunked\r\n",
                "fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
            ),
        ),
        (
            "no version",
            format!("GET /health/live\r\nhost: {host}\r\n\r\n"),
        ),
        (
            "other version",
            format!("GET /health/live HTTP/9.9\r\nhost: {host}\r\n\r\n"),
        ),
        (
            "spaces",
            format!("GET  /health/live  HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        ),
        (
            "space in path",
            format!("GET /health /live HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        ),
        (
            "no colon",
            format!("GET /v1/whoami HTTP/1.1\r\nhost: {host}\r\nnothing\r\n\r\n"),
        ),
        (
            "TLS",
            "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03".to_owned(),
        ),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
    ];
    for (what, text) in shapes {
        let answer = raw(host, text.as_bytes());
        let said = status(&answer);
        assert!(
            said.is_none_or(|said| (400..500).contains(&said)),
            "{what}: {}",
            String::from_utf8_lossy(&answer)
        );
        // What hides behind is never read as a request of its own.
        let answers = String::from_utf8_lossy(&answer)
            .matches("HTTP/1.1 ")
            .count();
        assert!(answers <= 1, "{what}: {}", String::from_utf8_lossy(&answer));
    }
    let long = format!(
        "GET /health/live HTTP/1.1\r\nhost: {host}\r\nx: {}\r\n\r\n",
        "a".repeat(200_000)
    );
    assert!(matches!(
        status(&raw(host, long.as_bytes())),
        None | Some(431)
    ));
    let many = format!(
        "GET /health/live HTTP/1.1\r\nhost: {host}\r\n{}\r\n",
        "x: 1\r\n".repeat(1_000)
    );
    assert!(matches!(
        status(&raw(host, many.as_bytes())),
        None | Some(431)
    ));
    let path = format!(
        "GET /{} HTTP/1.1\r\nhost: {host}\r\n\r\n",
        "a".repeat(100_000)
    );
    assert!(matches!(
        status(&raw(host, path.as_bytes())),
        None | Some(400..=499)
    ));
    raw(host, b"\r\n\r\n\r\n");
    raw(host, &[0xff; 5_000]);
    lives(&rig);
}

#[test]
fn whoever_sends_slowly_is_not_waited_for() {
    let rig = rig();
    let slow = |text: &str| {
        let mut stream = connect(rig.address());
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let begun = Instant::now();
        let _ = stream.read_to_end(&mut answer);
        assert!(begun.elapsed() < Duration::from_secs(10), "{text}");
        status(&answer)
    };
    std::thread::scope(|scope| {
        // A head that does not end, a body that does not come, pieces that do not come.
        let head = scope.spawn(|| slow("GET /health/live HTTP/1.1\r\nhost: x"));
        let json = "POST /v1/executions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n";
        let body = scope.spawn(move || slow(&format!("{json}content-length: 100\r\n\r\n{{")));
        let pieces =
            scope.spawn(move || slow(&format!("{json}transfer-encoding: chunked\r\n\r\n5\r\n{{")));
        let many: Vec<_> = (0..64).map(|_| scope.spawn(|| slow("GET /"))).collect();
        assert!(matches!(head.join().unwrap(), None | Some(408)));
        assert_eq!(body.join().unwrap(), Some(408));
        assert_eq!(pieces.join().unwrap(), Some(408));
        lives(&rig);
        for one in many {
            one.join().unwrap();
        }
    });
    lives(&rig);
}
