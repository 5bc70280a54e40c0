//! What `http.request` does.

use crate::{
    fixture::{KEY, Setup},
    http_server::{Part, Server, redirect, response},
};
use mandate_plan::ErrorCode;
use mandate_tools::Outcome;
use serde_json::json;
use std::time::{Duration, Instant};

fn fixture() -> crate::fixture::Fixture {
    Setup::default().local_http().build()
}

#[tokio::test]
async fn a_response_is_given_as_json_text_or_base64() {
    let server = Server::start(|request| match request.path.as_str() {
        "/json" => response(
            "200 OK",
            &[
                ("content-type", "application/json; charset=utf-8"),
                ("x-a", "1"),
                ("x-a", "2"),
            ],
            r#"{"n":[1]}"#,
        ),
        "/not-json" => response("200 OK", &[("content-type", "application/json")], "{"),
        "/text" => response("201 Created", &[("content-type", "text/plain")], "grüß"),
        _ => response("200 OK", &[], [0xff_u8, 0, 1]),
    })
    .await;
    let f = fixture();
    let json = f
        .output("http.request", json!({"url": server.url("/json")}))
        .await;
    assert_eq!(
        (&json["json"], &json["body"], &json["status"]),
        (&json!({"n": [1]}), &json!(null), &json!(200))
    );
    assert_eq!(
        (&json["headers"]["x-a"], &json["size"], &json["url"]),
        (&json!("1, 2"), &json!(9), &json!(server.url("/json")))
    );
    let broken = f
        .output("http.request", json!({"url": server.url("/not-json")}))
        .await;
    assert_eq!(
        (&broken["json"], &broken["body"]),
        (&json!(null), &json!("{"))
    );
    let text = f
        .output("http.request", json!({"url": server.url("/text")}))
        .await;
    assert_eq!(
        (&text["body"], &text["encoding"], &text["status"]),
        (&json!("grüß"), &json!("utf8"), &json!(201))
    );
    let binary = f
        .output("http.request", json!({"url": server.url("/bin")}))
        .await;
    assert_eq!(
        (&binary["body"], &binary["encoding"]),
        (&json!("/wAB"), &json!("base64"))
    );
}

#[tokio::test]
async fn bodies_and_the_idempotency_key_are_sent() {
    let server = Server::start(|_| response("200 OK", &[], "ok")).await;
    let f = fixture();
    f.output("http.request", json!({"method": "post", "url": server.url("/p"), "json": {"a": 1}, "headers": {"X-Y": "z"}})).await;
    f.output("http.request", json!({"method": "PUT", "url": server.url("/p"), "body": "text", "headers": {"content-type": "text/x"}})).await;
    f.output("http.request", json!({"url": server.url("/g")}))
        .await;
    let own =
        json!({"method": "POST", "url": server.url("/p"), "headers": {"Idempotency-Key": "mine"}});
    f.output("http.request", own).await;
    let seen = server.seen();
    assert_eq!(
        (seen[0].method.as_str(), seen[0].body.as_str()),
        ("POST", r#"{"a":1}"#)
    );
    assert_eq!(
        (
            seen[0].headers["content-type"].as_str(),
            seen[0].headers["x-y"].as_str()
        ),
        ("application/json", "z")
    );
    assert_eq!(seen[0].headers["idempotency-key"], KEY);
    assert_eq!(
        (
            seen[1].headers["content-type"].as_str(),
            seen[1].body.as_str()
        ),
        ("text/x", "text")
    );
    assert_eq!(seen[1].headers["idempotency-key"], KEY);
    assert!(!seen[2].headers.contains_key("idempotency-key"));
    assert_eq!(seen[3].headers["idempotency-key"], "mine");
}

#[tokio::test]
async fn a_status_of_400_and_above_is_a_failure_unless_asked_otherwise() {
    let server =
        Server::start(|_| response("503 Service Unavailable", &[("retry-after", "7")], "busy"))
            .await;
    let f = fixture();
    let fault = f
        .failure("http.request", json!({"url": server.url("/")}))
        .await;
    assert_eq!(fault.code, ErrorCode::ToolFailed);
    assert_eq!(
        fault.details.unwrap(),
        json!({"status": 503, "body": "busy", "retry_after": "7"})
    );
    let taken = f
        .output(
            "http.request",
            json!({"url": server.url("/"), "fail_on_status": false}),
        )
        .await;
    assert_eq!(
        (&taken["status"], &taken["body"]),
        (&json!(503), &json!("busy"))
    );
}

#[tokio::test]
async fn no_connection_is_refused_and_a_lost_one_is_unknown() {
    let f = fixture();
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let fault = f
        .refusal(
            "http.request",
            json!({"method": "POST", "url": format!("http://127.0.0.1:{port}/")}),
        )
        .await;
    assert_eq!(
        (fault.code, &fault.details.unwrap()["kind"]),
        (ErrorCode::ToolFailed, &json!("connect"))
    );
    let fault = f
        .refusal(
            "http.request",
            json!({"url": "http://no-such-host.invalid/"}),
        )
        .await;
    assert_eq!(fault.code, ErrorCode::ToolFailed);
    let closes = Server::start(|_| Vec::new()).await;
    let half = Server::start(|_| {
        vec![Part::Bytes(
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec(),
        )]
    })
    .await;
    for url in [closes.url("/"), half.url("/")] {
        let outcome = f
            .call("http.request", json!({"method": "POST", "url": url}))
            .await;
        assert!(
            matches!(&outcome, Outcome::Unknown(fault) if fault.code == ErrorCode::ToolFailed),
            "{outcome:?}"
        );
    }
    // Never sent twice behind the caller's back.
    assert_eq!((closes.seen().len(), half.seen().len()), (1, 1));
}

#[tokio::test]
async fn slow_answers_end_at_the_time_limit_as_unknown() {
    let slow_head = Server::start(|_| vec![Part::Wait(Duration::from_secs(30))]).await;
    let slow_body = Server::start(|_| {
        let mut parts = vec![Part::Bytes(
            b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec(),
        )];
        for _ in 0..100 {
            parts.push(Part::Bytes(b"x".to_vec()));
            parts.push(Part::Wait(Duration::from_millis(100)));
        }
        parts
    })
    .await;
    let f = fixture();
    for url in [slow_head.url("/"), slow_body.url("/")] {
        let begun = Instant::now();
        let outcome = f
            .call("http.request", json!({"url": url, "timeout_ms": 300}))
            .await;
        assert!(
            matches!(&outcome, Outcome::Unknown(fault) if fault.code == ErrorCode::StepTimeout),
            "{outcome:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn huge_bodies_are_not_read_to_their_end() {
    let server = Server::start(|request| {
        let status = if request.path == "/error" {
            "500 Oops"
        } else {
            "200 OK"
        };
        vec![
            Part::Bytes(format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n").into_bytes()),
            Part::Endless(vec![b'x'; 65536]),
        ]
    })
    .await;
    let f = fixture();
    let fault = f
        .failure(
            "http.request",
            json!({"url": server.url("/"), "max_bytes": 100_000}),
        )
        .await;
    assert_eq!(fault.code, ErrorCode::ResourceExhausted);
    // The server did what it was asked to: not a failure that could be tried again.
    let outcome = f
        .call(
            "http.request",
            json!({"method": "POST", "url": server.url("/"), "max_bytes": 100_000}),
        )
        .await;
    assert!(
        matches!(&outcome, Outcome::Invalid { output: None, .. }),
        "{outcome:?}"
    );
    let fault = f
        .failure("http.request", json!({"url": server.url("/error")}))
        .await;
    assert_eq!(
        (
            fault.code,
            fault.details.unwrap()["body"].as_str().unwrap().len()
        ),
        (ErrorCode::ToolFailed, 4096)
    );
}

#[tokio::test]
async fn redirects_are_followed_for_get_and_otherwise_when_asked() {
    let server = Server::start(|request| match request.path.as_str() {
        "/a" => redirect("302 Found", "/b?x=1"),
        "/keep" => redirect("307 Temporary Redirect", "/b"),
        "/loop" => redirect("301 Moved", "/loop"),
        _ => response("200 OK", &[], "end"),
    })
    .await;
    let f = fixture();
    let got = f
        .output("http.request", json!({"url": server.url("/a")}))
        .await;
    assert_eq!(
        (&got["body"], &got["redirects"], &got["url"]),
        (&json!("end"), &json!(1), &json!(server.url("/b?x=1")))
    );
    let not = f
        .output(
            "http.request",
            json!({"url": server.url("/a"), "follow_redirects": false}),
        )
        .await;
    assert_eq!(
        (&not["status"], &not["headers"]["location"]),
        (&json!(302), &json!("/b?x=1"))
    );
    let post = f
        .output(
            "http.request",
            json!({"method": "POST", "url": server.url("/a"), "body": "b"}),
        )
        .await;
    assert_eq!(post["status"], 302);
    f.output(
        "http.request",
        json!({"method": "POST", "url": server.url("/a"), "body": "b", "follow_redirects": true}),
    )
    .await;
    f.output("http.request", json!({"method": "POST", "url": server.url("/keep"), "body": "b", "follow_redirects": true})).await;
    let seen = server.seen();
    let last: Vec<_> = seen
        .iter()
        .rev()
        .take(4)
        .map(|seen| (seen.method.as_str(), seen.body.as_str()))
        .collect();
    assert_eq!(
        last,
        [("POST", "b"), ("POST", "b"), ("GET", ""), ("POST", "b")]
    );
    assert!(
        f.failure("http.request", json!({"url": server.url("/loop")}))
            .await
            .message
            .contains("redirects")
    );
}

#[tokio::test]
async fn bad_requests_are_refused_before_anything_is_sent() {
    let server = Server::start(|_| response("200 OK", &[], "")).await;
    let f = fixture();
    let url = server.url("/");
    for args in [
        json!({"url": "not a url"}),
        json!({"url": url, "body": "a", "json": 1}),
        json!({"url": url, "method": "CONNECT"}),
        json!({"url": url, "method": "GE T"}),
        json!({"url": url, "headers": {"Host": "other"}}),
        json!({"url": url, "headers": {"Transfer-Encoding": "chunked"}}),
        json!({"url": url, "headers": {"a b": "c"}}),
        json!({"url": url, "headers": {"a": "c\r\nd: e"}}),
    ] {
        assert_eq!(
            f.refusal("http.request", args.clone()).await.code,
            ErrorCode::InvalidPayload,
            "{args}"
        );
    }
    assert_eq!(server.seen().len(), 0);
}
