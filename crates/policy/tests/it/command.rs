//! Command lines: quoting, plain words, and what a line may come down to.

use mandate_policy::command::{argv_readings, join, line_readings, plain_words, quote};
use proptest::prelude::*;

#[test]
fn words_are_quoted_only_where_needed() {
    for (word, quoted) in [
        ("git", "git"),
        ("", "''"),
        ("a b", "'a b'"),
        ("it's", r"'it'\''s'"),
        ("$HOME", "'$HOME'"),
        ("a;b", "'a;b'"),
        ("-x=/y,z", "-x=/y,z"),
    ] {
        assert_eq!(quote(word), quoted);
    }
    assert_eq!(
        join(&["git", "commit", "-m", "two words"]),
        "git commit -m 'two words'"
    );
}

#[test]
fn a_plain_line_is_its_words() {
    let words = |line: &str| plain_words(line).map(|words| words.join("|"));
    assert_eq!(words("git  log\t-1").as_deref(), Some("git|log|-1"));
    assert_eq!(
        words(r#"git commit -m "a \"b\" c" 'd e'f"#).as_deref(),
        Some(r#"git|commit|-m|a "b" c|d ef"#)
    );
    assert_eq!(words(r"a\ b ''").as_deref(), Some("a b|"));
}

#[test]
fn what_a_shell_interprets_is_not_plain() {
    for line in [
        "",
        "  ",
        "a; b",
        "a && b",
        "a | b",
        "a > f",
        "a $(b)",
        "a `b`",
        "a $HOME",
        "a \"$(b)\"",
        "a\nb",
        "a *.rs",
        "X=1 a",
        "~/a",
        "a # b",
        "a 'b",
        "a \"b",
        "a \\",
        "(a)",
        "a {b,c}",
        "! a",
        "a &",
    ] {
        assert_eq!(plain_words(line), None, "{line:?}");
        assert!(line_readings(line).normal.starts_with("sh -c "), "{line:?}");
    }
}

#[test]
fn suspects_are_what_a_line_comes_down_to() {
    let in_line = |line: &str| line_readings(line).suspects;
    for line in [
        "git log; rm -rf /",
        "git log && rm -rf /",
        "git log | rm -rf /",
        "git log\nrm -rf /",
        "git log $(rm -rf /)",
        "git log `rm -rf /`",
        "git log \"$(rm -rf /)\"",
        "if true; then rm -rf /; fi",
        "sudo rm -rf / ; true",
        "/bin/rm -rf / ; true",
        "{ rm -rf /; }",
        "X=1 rm -rf /",
        "sh -c 'bash -c \"rm -rf /\"'",
    ] {
        assert!(
            in_line(line).contains(&"rm -rf /".to_owned()),
            "{line:?}: {:?}",
            in_line(line)
        );
    }
    let argv = |words: &[&str]| {
        argv_readings(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>()).suspects
    };
    for words in [
        &["/usr/bin/rm", "-rf", "/"][..],
        &["sudo", "-u", "root", "rm", "-rf", "/"],
        &["env", "A=1", "nice", "-n", "3", "rm", "-rf", "/"],
        &["sh", "-c", "true; rm -rf /"],
        &["sudo", "bash", "-lc", "rm -rf /"],
        &["timeout", "5", "sh", "-c", "rm -rf /"],
    ] {
        assert!(
            argv(words).contains(&"rm -rf /".to_owned()),
            "{words:?}: {:?}",
            argv(words)
        );
    }
    // An argument is not a command.
    assert!(!argv(&["echo", "rm", "-rf", "/"]).contains(&"rm -rf /".to_owned()));
}

#[test]
fn a_long_chain_of_wrappers_and_shells_is_cheap() {
    let mut line = "rm".to_owned();
    for _ in 0..12 {
        line = format!("sudo {} -c {}", "sh ".repeat(20), quote(&line));
    }
    assert!(line_readings(&line).suspects.len() < 10_000);
}

proptest! {
    #[test]
    fn joined_words_are_read_back(argv in prop::collection::vec("[ -~é]{0,12}", 1..6)) {
        let line = join(&argv);
        // A first word with `=` would be an assignment unless it is quoted; `quote` leaves `=` bare.
        prop_assume!(!argv[0].contains('=') && argv.iter().all(|w| !w.starts_with('~')));
        prop_assert_eq!(plain_words(&line), Some(argv));
    }

    #[test]
    fn any_line_has_readings(line in "\\PC{0,60}") {
        let readings = line_readings(&line);
        prop_assert!(readings.all.contains(&readings.normal));
    }
}
