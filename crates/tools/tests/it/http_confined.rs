//! What `http.request` must not do: reach private addresses, or carry secrets to another host.

use crate::{
    fixture::{Setup, fixture, resolved, with_slots},
    http_server::{Server, redirect, response},
};
use mandate_plan::ErrorCode;
use mandate_tools::Outcome;
use serde_json::json;

#[tokio::test]
async fn private_addresses_are_refused_in_every_spelling() {
    let server = Server::start(|_| response("200 OK", &[], "secret")).await;
    let port = server.port();
    let f = fixture();
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[::]",
        "user:pw@127.0.0.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
    ] {
        let fault = f
            .refusal(
                "http.request",
                json!({"url": format!("http://{host}:{port}/")}),
            )
            .await;
        assert_eq!(fault.code, ErrorCode::PolicyDenied, "{host}: {fault}");
    }
    for url in [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "ftp://example.com/",
    ] {
        assert_eq!(
            f.refusal("http.request", json!({"url": url})).await.code,
            ErrorCode::PolicyDenied,
            "{url}"
        );
    }
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn names_can_be_allowed_by_name_only() {
    let server = Server::start(|_| response("200 OK", &[], "ok")).await;
    let mut setup = Setup::default();
    setup.config.http.allow_private = vec!["localhost".to_owned()];
    let f = setup.build();
    f.output(
        "http.request",
        json!({"url": format!("http://localhost:{}/", server.port())}),
    )
    .await;
    let fault = f
        .refusal("http.request", json!({"url": server.url("/")}))
        .await;
    assert_eq!(fault.code, ErrorCode::PolicyDenied);
}

#[tokio::test]
async fn a_redirect_is_checked_like_the_first_target() {
    let inner = Server::start(|_| response("200 OK", &[], "inner")).await;
    let port = inner.port();
    let outer = Server::start(move |request| match request.path.as_str() {
        "/localhost" => redirect("302 Found", &format!("http://localhost:{port}/")),
        "/mapped" => redirect("302 Found", &format!("http://[::ffff:127.0.0.1]:{port}/")),
        "/metadata" => redirect("302 Found", "http://169.254.169.254/"),
        "/file" => redirect("302 Found", "file:///etc/passwd"),
        _ => redirect("302 Found", &format!("http://127.0.0.1:{port}/forbidden")),
    })
    .await;
    let mut setup = Setup {
        forbidden_url: Some("/forbidden"),
        ..Setup::default()
    };
    setup.config.http.allow_private = vec!["127.0.0.1".to_owned()];
    let f = setup.build();
    for path in ["/localhost", "/metadata", "/file"] {
        // Somebody has answered, so that this is a failure and not "nothing was sent".
        let fault = f
            .failure("http.request", json!({"url": outer.url(path)}))
            .await;
        assert_eq!(fault.code, ErrorCode::PolicyDenied, "{path}");
    }
    let fault = f
        .failure("http.request", json!({"url": outer.url("/plan")}))
        .await;
    assert_eq!(fault.code, ErrorCode::ArgumentViolation);
    assert_eq!(inner.seen().len(), 0);
    // Allowed in another spelling is allowed.
    f.output("http.request", json!({"url": outer.url("/mapped")}))
        .await;
    assert_eq!(inner.seen().len(), 1);
}

#[tokio::test]
async fn credentials_and_secret_headers_stay_with_their_host() {
    let other = Server::start(|_| response("200 OK", &[], "other")).await;
    let target = other.url("/landed");
    let server = Server::start(move |request| match request.path.as_str() {
        "/same" => redirect("302 Found", "/landed"),
        "/away" => redirect("302 Found", &target),
        "/away-with-body" => redirect("307 Temporary Redirect", &target),
        _ => response("200 OK", &[], "same"),
    })
    .await;
    let f = Setup::default()
        .local_http()
        .secret("TOKEN", "canary-5f1e77", &["http.request"], &["127.0.0.1"])
        .build();
    let call = |path: &str, extra: serde_json::Value| {
        let mut args = json!({
            "url": server.url(path),
            "headers": {"X-Api-Key": "${secrets.TOKEN}", "Authorization": "Basic abc", "Cookie": "c=d", "X-Plain": "p"},
            "follow_redirects": true,
        });
        args.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        with_slots(resolved("http.request", args))
    };
    f.run(call("/same", json!({}))).await;
    let same = server.seen().last().unwrap().headers.clone();
    assert_eq!(
        (same["x-api-key"].as_str(), same["authorization"].as_str()),
        ("canary-5f1e77", "Basic abc")
    );
    let report = f.run(call("/away", json!({}))).await;
    assert!(
        matches!(report.outcome, Outcome::Completed { .. }),
        "{report:?}"
    );
    let away = other.seen().last().unwrap().headers.clone();
    assert_eq!(away["x-plain"], "p");
    for name in ["x-api-key", "authorization", "cookie"] {
        assert!(!away.contains_key(name), "{name} went along");
    }
    // A body with a secret is not sent on at all.
    let report = f
        .run(call(
            "/away-with-body",
            json!({"method": "POST", "body": "k=${secrets.TOKEN}"}),
        ))
        .await;
    assert!(
        matches!(&report.outcome, Outcome::Failed(fault) if fault.code == ErrorCode::PolicyDenied),
        "{report:?}"
    );
    assert_eq!(other.seen().len(), 1);
}

#[tokio::test]
async fn a_secret_in_the_url_cannot_move_the_request_to_another_host() {
    let server = Server::start(|_| response("200 OK", &[], "")).await;
    let f = Setup::default()
        .local_http()
        .secret(
            "HOST",
            "x@127.0.0.1",
            &["http.request"],
            &["127.0.0.1", "*"],
        )
        .build();
    let url = format!("http://${{secrets.HOST}}:{}/", server.port());
    let report = f
        .run(with_slots(resolved("http.request", json!({"url": url}))))
        .await;
    assert!(matches!(report.outcome, Outcome::Refused(_)), "{report:?}");
    assert_eq!(server.seen().len(), 0);
}
