//! Normal forms of hostile and of harmless texts.

use mandate_policy::normalise::{
    is_loopback, normal_path, normal_url, path_readings, shown, strip_invisible, url_readings,
};
use proptest::prelude::*;

#[test]
fn paths_have_one_normal_form() {
    for (text, expected) in [
        ("a/b", "a/b"),
        ("./a//b/./c/", "a/b/c"),
        ("/a/../b", "/b"),
        ("/../../etc/passwd", "/etc/passwd"),
        ("a/../../b", "../b"),
        ("", "."),
        ("/", "/"),
        ("a/..", "."),
        ("/data/%2e%2e/etc/passwd", "/etc/passwd"),
        ("/data/%252e%252e/etc/passwd", "/etc/passwd"),
        ("/data/%25252e%25252e%25252fetc/passwd", "/etc/passwd"),
        ("/data/..%2fetc%2Fpasswd", "/etc/passwd"),
        ("/data/%c0%ae%c0%ae/etc/passwd", "/etc/passwd"),
        (r"/data\..\etc\passwd", "/etc/passwd"),
        (r"/data/..\../etc/passwd", "/etc/passwd"),
        ("/data/\u{ff0e}\u{ff0e}/etc/passwd", "/etc/passwd"),
        ("/data/\u{2025}/etc/passwd", "/etc/passwd"),
        ("/data/\u{2024}\u{2024}\u{2215}etc/passwd", "/etc/passwd"),
        ("/data/\u{ff05}2e\u{ff05}2e/etc/passwd", "/etc/passwd"),
        ("/etc/pass\u{200b}wd", "/etc/passwd"),
        ("/etc/\u{202e}passwd\u{202c}", "/etc/passwd"),
        ("/etc/pass\u{0}wd", "/etc/passwd"),
        ("/etc/pass\nwd", "/etc/passwd"),
        ("/data/...", "/data/..."),
        ("/data/..a/b", "/data/..a/b"),
        ("/übung/漢字.txt", "/übung/漢字.txt"),
        ("100%", "100%"),
    ] {
        assert_eq!(normal_path(text), expected, "{text:?}");
    }
}

#[test]
fn a_path_is_also_read_as_laxer_tools_read_it() {
    let all = |text: &str| path_readings(text).all;
    assert_eq!(all("out/a.txt"), ["out/a.txt"]);
    // As it stands, and decoded.
    assert_eq!(all("out/%2e%2e/x"), ["out/%2e%2e/x", "x"]);
    // Cut at the NUL byte, as a C program would, and without it.
    let cut = all("/data/ok\0/../../etc/passwd");
    assert!(cut.contains(&"/data/ok".to_owned()), "{cut:?}");
    assert!(all("/etc/passwd%00.png").contains(&"/etc/passwd".to_owned()));
    // A backslash is a character here and a separator elsewhere.
    assert_eq!(all(r"out\..\x"), [r"out\..\x", "x"]);
    // Below the root only for what is forbidden.
    let climbs = path_readings("../../etc/passwd");
    assert_eq!(climbs.all, ["../../etc/passwd"]);
    assert_eq!(climbs.suspects, ["/etc/passwd"]);
}

#[test]
fn urls_have_one_normal_form() {
    for (text, expected) in [
        ("https://Example.COM", "https://example.com/"),
        ("HTTPS://example.com:443/a", "https://example.com/a"),
        ("http://example.com:80/", "http://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://example.com./a", "https://example.com/a"),
        ("https://user:password@example.com/", "https://example.com/"),
        ("https://api.example.com@evil.test/", "https://evil.test/"),
        (
            "https://api.example.com%2f@evil.test/",
            "https://evil.test/",
        ),
        (
            r"https://evil.test\@api.example.com/",
            "https://evil.test/@api.example.com/",
        ),
        ("https://example.com/a/../b/./c", "https://example.com/b/c"),
        ("https://example.com/a/%2e%2E/b", "https://example.com/b"),
        ("https://example.com/%41%2d%7e", "https://example.com/A-~"),
        ("https://example.com/a%2fb", "https://example.com/a%2Fb"),
        ("https://example.com/a#part", "https://example.com/a"),
        (
            "https://example.com/a?q=%6a%2f",
            "https://example.com/a?q=j%2F",
        ),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://ｅｘａｍｐｌｅ.com/", "https://example.com/"),
        ("https://example。com/", "https://example.com/"),
        ("https://exa\u{ad}mple.com/", "https://example.com/"),
        ("https://exam\tple.com/\n", "https://example.com/"),
        ("  https://example.com/ ", "https://example.com/"),
        ("other://host%2e/a", "other://host/a"),
        ("other://host/a/%2e%2e/b", "other://host/b"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0177.0.0.1/", "http://127.0.0.1/"),
        ("http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"),
        ("http://[::FFFF:7F00:1]:80/", "http://[::ffff:7f00:1]/"),
    ] {
        assert_eq!(normal_url(text).as_deref(), Some(expected), "{text:?}");
    }
    for text in [
        "example.com/a",
        "/a",
        "",
        "https://",
        "https://exa mple.com/",
        "http://[::1/",
    ] {
        assert_eq!(normal_url(text), None, "{text:?}");
    }
}

#[test]
fn a_url_is_also_read_as_laxer_servers_read_it() {
    let readings = url_readings("https://example.com/public/%252e%252e/admin");
    assert!(
        readings
            .all
            .contains(&"https://example.com/admin".to_owned()),
        "{readings:?}"
    );
    assert!(readings.all.contains(&readings.normal));
    let double = url_readings("https://example.com//a//b");
    assert!(
        double.all.contains(&"https://example.com/a/b".to_owned()),
        "{double:?}"
    );
    let mapped = url_readings("http://[::ffff:169.254.169.254]/latest");
    assert_eq!(mapped.suspects, ["http://169.254.169.254/latest"]);
    for text in [
        "evil.test/x",
        "//evil.test/x",
        r"\\evil.test\x",
        "evil.test:443/x",
    ] {
        let suspects = url_readings(text).suspects;
        assert!(
            suspects
                .iter()
                .any(|s| s.starts_with("https://evil.test/x")),
            "{text}: {suspects:?}"
        );
    }
    // A slash at the end is part of an address.
    assert_eq!(
        url_readings("https://example.com/a/").all,
        ["https://example.com/a/"]
    );
    assert_eq!(
        url_readings("https://example.com/a?x=1&y=/z/").all,
        ["https://example.com/a?x=1&y=/z/"]
    );
}

#[test]
fn loopback_is_only_this_machine() {
    for text in [
        "http://localhost:8080/",
        "http://127.8.9.1/",
        "http://[::1]/",
        "http://a.localhost/",
        "http://0x7f.1/",
    ] {
        assert!(is_loopback(&normal_url(text).unwrap()), "{text}");
    }
    for text in [
        "http://localhost.evil.test/",
        "http://127.0.0.1.evil.test/",
        "http://10.0.0.1/",
        "http://localhost@evil.test/",
    ] {
        assert!(!is_loopback(&normal_url(text).unwrap()), "{text}");
    }
    assert!(!is_loopback("localhost"));
}

#[test]
fn messages_show_nothing_invisible_and_end() {
    assert_eq!(shown("a\u{1b}[31mb\u{202e}c"), "a[31mbc");
    assert_eq!(strip_invisible("a\u{2066}b\u{feff}"), "ab");
    let long = shown(&"x".repeat(5000));
    assert!(long.chars().count() < 200 && long.ends_with('…'));
}

/// Texts made of what is dangerous in paths and addresses.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "..",
        ".",
        "/",
        "//",
        "\\",
        "%2e",
        "%2E",
        "%252e",
        "%2f",
        "%5c",
        "%25",
        "%",
        "2e",
        "a",
        "b",
        "etc",
        "\u{ff0e}",
        "\u{ff05}",
        "\u{2025}",
        "\u{2215}",
        "\u{200b}",
        "\u{202e}",
        "\0",
        "%00",
        "%ef%bc%8e",
        "%c0%ae",
        "é",
        "@",
        ":",
        "?",
        "#",
        "=",
        "http://",
        "https://h",
        "[::1]",
        "xn--",
        "。",
        " ",
        "\t",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn normalising_again_changes_nothing(text in prop_oneof![hostile(), any::<String>()]) {
        let once = normal_path(&text);
        prop_assert_eq!(normal_path(&once), once);
        if let Some(once) = normal_url(&text) {
            let twice = normal_url(&once);
            prop_assert_eq!(twice.as_deref(), Some(once.as_str()));
        }
    }

    #[test]
    fn a_normal_path_climbs_only_at_its_beginning(text in hostile()) {
        let normal = normal_path(&text);
        let segments: Vec<&str> = normal.split('/').collect();
        let first_name = segments.iter().position(|s| *s != "..").unwrap_or(segments.len());
        prop_assert!(segments[first_name..].iter().all(|s| *s != ".."), "{normal}");
        prop_assert!(!normal.starts_with("/../") && normal != "/..", "{normal}");
        prop_assert!(!normal.contains("//") && !normal.contains('\\'), "{normal}");
    }

    #[test]
    fn the_normal_form_is_one_of_the_readings(text in hostile()) {
        let path = path_readings(&text);
        prop_assert!(path.all.contains(&path.normal));
        let url = url_readings(&text);
        prop_assert!(url.all.contains(&url.normal));
    }
}
