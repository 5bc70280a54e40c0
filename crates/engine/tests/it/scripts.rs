//! The scripts, run as they are written.

use crate::script;

pub(crate) const FILES: [(&str, &str); 20] = [
    ("order", include_str!("scripts/order.script")),
    ("retry", include_str!("scripts/retry.script")),
    ("items", include_str!("scripts/items.script")),
    ("ending", include_str!("scripts/ending.script")),
    ("doubt", include_str!("scripts/doubt.script")),
    ("time", include_str!("scripts/time.script")),
    ("fallback", include_str!("scripts/fallback.script")),
    ("finally", include_str!("scripts/finally.script")),
    ("compensation", include_str!("scripts/compensation.script")),
    ("nested", include_str!("scripts/nested.script")),
    ("asking", include_str!("scripts/asking.script")),
    ("question", include_str!("scripts/question.script")),
    ("confirm", include_str!("scripts/confirm.script")),
    ("failure", include_str!("scripts/failure.script")),
    ("invariant", include_str!("scripts/invariant.script")),
    ("revision", include_str!("scripts/revision.script")),
    ("held", include_str!("scripts/held.script")),
    ("agent", include_str!("scripts/agent.script")),
    ("outside", include_str!("scripts/outside.script")),
    ("budget", include_str!("scripts/budget.script")),
];

#[test]
fn every_script_says_what_the_engine_does() {
    let update = std::env::var_os("UPDATE_SCRIPTS").is_some();
    let mut wrong = Vec::new();
    for (file, text) in FILES {
        let mut written = String::new();
        for script in script::read(text) {
            let (actual, _) = script::run(&script);
            if actual != script::expected(&script) {
                wrong.push(format!("{file}: {}\n{}", script.name, actual.join("\n")));
            }
            written += &script::write(&script, &actual);
            written.push('\n');
        }
        if update {
            let path = format!(
                "{}/tests/it/scripts/{file}.script",
                env!("CARGO_MANIFEST_DIR")
            );
            std::fs::write(path, written.trim_end().to_owned() + "\n").unwrap();
        }
    }
    assert!(
        wrong.is_empty() || update,
        "these scripts say otherwise:\n{}",
        wrong.join("\n\n")
    );
}
