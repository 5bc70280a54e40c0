//! Whatever text comes as a path or an address: its normal form is one, and a way around that it takes is found.

use crate::fuzzing::{DRAWN, made, time};
use mandate_plan::Effect;
use mandate_policy::normalise::{
    is_loopback, normal_path, normal_url, path_readings, shown, strip_invisible, url_readings,
};
use mandate_policy::resources::find;
use serde_json::json;

const PATHS: &[&str] = &[
    "/etc/passwd",
    "../../etc/passwd",
    "a/./b//c",
    "%2e%2e/%2e%2e/etc/passwd",
    "..\\..\\etc\\passwd",
    "~/.ssh/id_rsa",
    "C:\\Users\\x",
    "a\u{0}b",
    "/srv/..%252f/etc",
];
const URLS: &[&str] = &[
    "http://localhost:8080/a/../b?q=1#f",
    "https://user:pass@example.org:443/%7Ea",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://0x7f.1/",
    "https://exämple.org/",
    "//example.org/x",
    "example.org:80/x",
    "file:///etc/passwd",
    "mailto:a@b.c",
    "http://localhost@example.org/",
];
const WORDS: &[&str] = &[
    "..",
    "/",
    "\\",
    "%2e",
    "%2F",
    "%25",
    "%",
    ":",
    "@",
    "?",
    "#",
    "[",
    "]",
    "\u{202e}",
    "\u{200b}",
    "\u{0}",
    "．",
    "／",
    "localhost",
    "127.0.0.1",
    "xn--",
    ".",
    "http://",
    "~",
    " ",
    "\t",
    "\n",
    "é",
    "e\u{301}",
    ";",
    "&",
];

#[test]
fn paths_have_one_normal_form() {
    let mut inputs = 0;
    bolero::check!()
        .with_max_len(DRAWN)
        .with_test_time(time())
        .for_each(|drawn: &[u8]| {
            inputs += 1;
            let bytes = made(PATHS, WORDS, drawn);
            let text = String::from_utf8_lossy(&bytes);
            let normal = normal_path(&text);
            assert_eq!(normal_path(&normal), normal, "{text:?}");
            let readings = path_readings(&text);
            assert!(readings.all.contains(&readings.normal), "{text:?}");
            assert!(readings.all.is_sorted() && readings.suspects.is_sorted());
            for part in normal.split('/').skip_while(|part| *part == "..") {
                assert_ne!(part, "..", "{text:?} {normal:?}");
            }
            assert_eq!(
                strip_invisible(&strip_invisible(&text)),
                strip_invisible(&text)
            );
            let _ = shown(&text);
            let args = json!({ "path": text, "argv": ["cat", text], "note": text });
            let _ = find("fs.read", Effect::Read, &args);
        });
    assert!(inputs > 1_000, "{inputs}");
}

#[test]
fn addresses_have_one_normal_form() {
    let mut inputs = 0;
    bolero::check!()
        .with_max_len(DRAWN)
        .with_test_time(time())
        .for_each(|drawn: &[u8]| {
            inputs += 1;
            let bytes = made(URLS, WORDS, drawn);
            let text = String::from_utf8_lossy(&bytes);
            let readings = url_readings(&text);
            assert!(readings.all.contains(&readings.normal), "{text:?}");
            if let Some(normal) = normal_url(&text) {
                assert_eq!(
                    normal_url(&normal).as_deref(),
                    Some(normal.as_str()),
                    "{text:?}"
                );
                assert_eq!(readings.normal, normal, "{text:?}");
                let _ = is_loopback(&normal);
            }
            let args = json!({ "url": text, "body": text });
            let _ = find("http.request", Effect::Network, &args);
        });
    assert!(inputs > 1_000, "{inputs}");
}
