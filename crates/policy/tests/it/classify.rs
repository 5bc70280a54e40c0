//! Categories and tags.

use mandate_plan::{Effect, Facts};
use mandate_policy::{
    classify::{Category, Tag, category, tag},
    resources::find,
};
use serde_json::{Value, json};

fn facts(effect: Effect, open_world: bool) -> Facts {
    Facts {
        effect,
        idempotent: false,
        open_world,
    }
}

#[test]
fn names_of_tools_speak_first() {
    use Category::*;
    for (tool, expected) in [
        ("files.read_file", FileRead),
        ("files.get_file_contents", FileRead),
        ("x.list_dir", FileRead),
        ("x.cat", FileRead),
        ("x.Write-File", FileWrite),
        ("x.EDIT_FILE", FileWrite),
        ("x.delete_file", FileDelete),
        ("x.rm", FileDelete),
        ("x.fetch_url", NetworkRequest),
        ("x.curl", NetworkRequest),
        ("x.python", CodeExecution),
        ("x.eval", CodeExecution),
        ("x.run_skill", SkillInvocation),
        ("x.shell_command", SystemCommand),
        ("x.subprocess", SystemCommand),
        ("x.group.read_file", FileRead),
    ] {
        assert_eq!(category(tool, Some(Facts::WORST)), expected, "{tool}");
    }
}

#[test]
fn else_the_effect_does() {
    use Category::*;
    for (tool, effect, open_world, expected) in [
        ("fs.read", Effect::Read, false, FileRead),
        ("fs.write", Effect::Write, false, FileWrite),
        ("fs.delete", Effect::Delete, false, FileDelete),
        ("http.request", Effect::Read, true, NetworkRequest),
        ("http.request", Effect::Network, true, NetworkRequest),
        ("process.exec", Effect::Execute, false, SystemCommand),
        ("x.evaluate", Effect::Execute, true, CodeExecution),
        ("x.concatenate", Effect::Read, false, FileRead),
        // A built-in is what it does.
        ("fs.rm", Effect::Read, false, FileRead),
    ] {
        assert_eq!(
            category(tool, Some(facts(effect, open_world))),
            expected,
            "{tool}"
        );
    }
    assert_eq!(category("x.read_file", None), Category::Unknown);
}

fn tags(args: &Value) -> Vec<Tag> {
    find("x.tool", Effect::Read, args)
        .iter()
        .filter_map(tag)
        .collect()
}

#[test]
fn sensitive_paths() {
    for path in [
        "/etc/hosts",
        "/etc",
        "/var/log/x",
        "a/passwd",
        "SHADOW",
        "my-secret.txt",
        "x/credentials.json",
        "k.pem",
        "k.KEY",
        ".env",
        "a/.env",
        "prod.env",
        ".env.local",
        "../../etc/hosts",
        "%2fetc/hosts",
        "/tmp/../etc/hosts",
        "/ETC/hosts",
    ] {
        assert_eq!(
            tags(&json!({ "path": path })),
            [Tag::SensitivePath],
            "{path}"
        );
    }
    for path in [
        "/home/etc/x",
        "environment",
        "key.txt",
        "a.pem.md",
        "/etcetera",
        "varlog",
    ] {
        assert!(tags(&json!({ "path": path })).is_empty(), "{path}");
    }
}

#[test]
fn external_urls() {
    for url in [
        "https://example.com/",
        "http://localhost@evil.test/",
        "http://10.0.0.1/",
        "example.com",
        "http://localhost.evil.test/",
    ] {
        assert_eq!(tags(&json!({ "url": url })), [Tag::ExternalUrl], "{url}");
    }
    for url in [
        "http://localhost:8080/",
        "http://127.0.0.1/",
        "http://[::1]/x",
    ] {
        assert!(tags(&json!({ "url": url })).is_empty(), "{url}");
    }
}
