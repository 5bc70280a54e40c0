//! `mandate mcp config`: what an MCP client has to be told.

use crate::{
    clients::{CLAUDE_CODE_MANAGED, ClientKind, claude_code_locked},
    context::Context,
    errors::{Exit, Failure},
};
use clap::Args;
use serde_json::json;

/// What `mcp config` takes.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The client
    #[arg(long, value_enum, value_name = "NAME")]
    client: ClientKind,
    /// Ask the server at this address, instead of starting a gateway here: `https://mandate.example.org/mcp`
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The session that its calls count for; its hooks find their execution by it
    #[arg(long, value_name = "ID", conflicts_with = "url")]
    session: Option<String>,
    /// Print what leaves no way around the gateway, too
    #[arg(long)]
    lock_down: bool,
}

pub(super) fn run(args: &ConfigArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let out = context.out();
    let home = etcetera::home_dir()
        .map_err(|_| Failure::config("there is no home directory to look for clients in"))?;
    let file = args.client.file(&settings.project, &home);
    let program = std::env::current_exe()
        .map_err(|error| Failure::io("cannot tell where this program is", &error))?;
    let program = program.display().to_string();
    let session = match &args.session {
        Some(session) => Some(session.clone()),
        // One for this folder, so that a hook finds what the gateway drives.
        None if args.lock_down => Some(session_of(settings)),
        None => None,
    };
    let mut words = vec!["mcp".to_owned()];
    if let Some(session) = &session {
        words.extend(["--session".to_owned(), session.clone()]);
    }
    if args.client == ClientKind::ClaudeDesktop {
        // It starts servers in a folder of its own.
        let dir = settings.data_dir.display().to_string();
        words.extend(["--data-dir".to_owned(), dir]);
    }
    let entry = match &args.url {
        Some(url) => args.client.over_http(url),
        None => args.client.over_stdio(&program, &words),
    };
    let locked = match (args.lock_down, args.client) {
        (true, ClientKind::ClaudeCode) => {
            let session = session.unwrap_or_default();
            let hook = format!("{program} hook claude-code --session {session}");
            Some(claude_code_locked(&hook))
        }
        (true, client) => {
            let message = format!(
                "{} has no settings that keep an agent from its own tools and from other servers",
                client.name()
            );
            return Err(Failure::usage(message).remedy(
                "keep the credentials and the network from it that its own tools would use, or use `--client claude-code`",
            ));
        }
        (false, _) => None,
    };
    if out.is_json() {
        out.value(&json!({
            "file": file,
            "configuration": entry,
            "managed_file": locked.as_ref().map(|_| CLAUDE_CODE_MANAGED),
            "managed": locked,
        }));
        return Ok(Exit::Success);
    }
    let pretty =
        |value: &serde_json::Value| serde_json::to_string_pretty(value).unwrap_or_default();
    out.note(&format!(
        "For {}, in `{}`:\n",
        args.client.name(),
        file.display()
    ));
    out.line(&pretty(&entry));
    if let Some(locked) = locked {
        out.note(&format!(
            "\nAnd in `{CLAUDE_CODE_MANAGED}`, which its users must not be able to write:\n"
        ));
        out.line(&pretty(&locked));
        out.note("\n`mandate doctor --client claude-code` lists the ways around that remain.");
    }
    Ok(Exit::Success)
}

/// A session's name for this data directory: visible ASCII, and the same every time.
fn session_of(settings: &crate::config::Settings) -> String {
    let path = settings.data_dir.to_string_lossy().into_owned();
    let digest = mandate_plan::Digest::framed("mandate/client-session/v1", [path.as_bytes()]);
    let digest: String = digest
        .to_string()
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(12)
        .collect();
    format!("client-{digest}")
}
