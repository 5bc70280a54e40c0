//! `mandate __docs`: documentation that is made from the program itself, for `cargo xtask generate`.

use crate::{
    args,
    config::keys::{KEYS, Key},
    context::Context,
    errors::{Exit, Failure},
};

pub(super) fn run(what: &str, context: &Context) -> Result<Exit, Failure> {
    let text = match what {
        "cli" => cli(),
        "configuration" => configuration(),
        "openapi" => mandate_server::openapi_text().to_owned(),
        _ => {
            return Err(
                Failure::usage(format!("there is no documentation `{what}`"))
                    .remedy("`cli`, `configuration` or `openapi`"),
            );
        }
    };
    context.out().line(text.trim_end());
    Ok(Exit::Success)
}

/// Every command's help as Markdown.
pub(crate) fn cli() -> String {
    let mut command = args::command().term_width(100);
    command.build();
    let mut text = String::new();
    describe(&mut text, &mut command, "");
    text
}

fn describe(text: &mut String, command: &mut clap::Command, above: &str) {
    let path = format!("{above} {}", command.get_name()).trim().to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    text.push_str(&format!(
        "\n## {path}\n\n```text\n{}\n```\n",
        help.join("\n").trim()
    ));
    for inner in command.get_subcommands_mut() {
        if !inner.is_hide_set() {
            describe(text, inner, &path);
        }
    }
}

/// Every key of `mandate.toml` as a Markdown table.
pub(crate) fn configuration() -> String {
    let mut text =
        "| key | type | default | a later source may | meaning |\n|---|---|---|---|---|\n"
            .to_owned();
    for key in KEYS {
        text.push_str(&row(key));
    }
    text
}

fn row(key: &Key) -> String {
    let default = match key.default {
        "" => "–".to_owned(),
        value => format!("`{value}`"),
    };
    let path = key.path.replace('*', "NAME");
    format!(
        "| `{path}` | {} | {default} | {} | {} |\n",
        key.shape.as_str(),
        key.rule.as_str(),
        key.about
    )
}
