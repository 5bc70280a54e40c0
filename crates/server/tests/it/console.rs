//! What browsers open.

use crate::rig::{Rig, reads};

#[test]
fn pages_come_out_of_the_binary_and_are_held_to_themselves() {
    let rig = Rig::keyed();
    let anybody = rig.anybody();
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs.js", "text/javascript; charset=utf-8"),
        ("/docs.css", "text/css; charset=utf-8"),
        ("/openapi.json", "application/json"),
        ("/errors/FROZEN", "text/html; charset=utf-8"),
    ] {
        let page = anybody.get(path).is(200);
        assert_eq!(page.header("content-type"), Some(kind), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(page.header(name), Some(value), "{path}");
        }
        assert_eq!(page.header("access-control-allow-origin"), None);
        if let Some(tag) = page.header("etag") {
            let again = anybody.and("if-none-match", tag).get(path);
            assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        }
        // No page loads anything from elsewhere, or has a script within.
        let text = page.text();
        if kind.starts_with("text/html") {
            for wrong in ["http://", "https://", "onclick", "style=", "<script>"] {
                assert!(!text.contains(wrong), "{path}: {wrong}");
            }
        }
    }
    let page = anybody.get("/errors/FROZEN").text();
    assert!(page.contains("mandate thaw"), "{page}");
    assert_eq!(
        anybody.get("/openapi.json").text(),
        mandate_server::openapi_text()
    );
}

#[test]
fn large_answers_are_packed_for_whoever_can_unpack() {
    let rig = Rig::new();
    let me = rig.anybody();
    let id = me.run_id(&reads("packed", 50));
    let path = format!("/v1/executions/{id}");
    let plain = me.get(&path).is(200);
    assert_eq!(plain.header("content-encoding"), None);
    let packed = me.and("accept-encoding", "gzip").get(&path).is(200);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() * 3 < plain.body.len());
    assert_eq!(packed.body[..2], [0x1f, 0x8b]);
    let stream = me
        .and("accept-encoding", "gzip")
        .stream(&format!("{path}/events"));
    assert!(
        stream
            .headers
            .iter()
            .all(|(name, _)| name != "content-encoding")
    );
}
