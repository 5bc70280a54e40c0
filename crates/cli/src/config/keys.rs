//! Every key of `mandate.toml`: its type, how a later source may change it, its default, and what it is for.

use super::key::key;
pub(crate) use super::key::{Key, Rule, Shape};

/// Every key, in the order of the documentation.
pub(crate) const KEYS: &[Key] = &[
    key(
        "data_dir",
        Shape::Path,
        Rule::Replace,
        r#"".mandate""#,
        "where the journal is kept",
    ),
    key(
        "mcp_servers_file",
        Shape::Path,
        Rule::Same,
        "",
        "a JSON file with `mcpServers`, as other clients have it",
    ),
    key(
        "require_accepted_tools",
        Shape::Flag,
        Rule::On,
        "false",
        "tools of servers are used only after `mandate tools accept`; otherwise their first use accepts them",
    ),
    key(
        "limits.max_active_executions",
        Shape::Number,
        Rule::Lower,
        "256",
        "the most executions that are active at a time; others wait, the highest `priority` first, then the oldest",
    ),
    key(
        "limits.calls_per_session",
        Shape::Number,
        Rule::Lower,
        "100",
        "the most calls that a session may make, until it has been idle for an hour",
    ),
    key(
        "limits.calls_per_minute",
        Shape::Number,
        Rule::Lower,
        "",
        "the most calls that a session may make in any 60 seconds",
    ),
    key(
        "gateway.agent_idle_ms",
        Shape::Number,
        Rule::Lower,
        "900000",
        "how long an agent may leave an execution alone that waits for it, in milliseconds; then it ends: [agent mode](agent-mode.md)",
    ),
    key(
        "gateway.refusals_per_minute",
        Shape::Number,
        Rule::Lower,
        "60",
        "how many refusals of an execution's agent, and how many refused plans of a principal, are written to the journal one by one in a minute; beyond that no call of the agent is looked at, and the refusals are written as a sum",
    ),
    key(
        "gateway.unplanned",
        Shape::Text,
        Rule::Refuse,
        r#""refuse""#,
        "what becomes of an agent's call of a tool that the plan does not name: `refuse`, or `ask` for a revision that adds it",
    ),
    key(
        "gateway.allow_unplanned",
        Shape::Flag,
        Rule::Off,
        "false",
        "plans may say `allow_unplanned`: then such calls are asked about only where policy wants that",
    ),
    key(
        "gateway.scan_outputs",
        Shape::Flag,
        Rule::On,
        "false",
        "outputs that other parties control are looked through for words meant for a model: [data flow](data-flow.md#words-meant-for-a-model)",
    ),
    key(
        "gateway.tools_list",
        Shape::Text,
        Rule::Replace,
        r#""current""#,
        "which tools of an approved plan an MCP client is shown: `current`, those that may be called now, or `stable`, all of the plan in one order: [MCP](mcp.md)",
    ),
    key(
        "gateway.max_output_bytes",
        Shape::Number,
        Rule::Lower,
        "1048576",
        "the most bytes of one output that an MCP client is handed; the journal has all of it",
    ),
    key(
        "gateway.ask_client",
        Shape::Flag,
        Rule::Off,
        "false",
        "where an MCP client can ask its own user, it is asked to: the answer counts as the requester's",
    ),
    key(
        "gateway.task_after_ms",
        Shape::Number,
        Rule::Replace,
        "5000",
        "how long an MCP client that takes tasks waits for an answer before it is given one; 0 = it is never given one: [MCP](mcp.md#tasks)",
    ),
    key(
        "gateway.approval_url",
        Shape::Text,
        Rule::Replace,
        "",
        "where people answer requests, as MCP clients are told it; the id of the request is put behind it",
    ),
    key(
        "server.listen",
        Shape::Text,
        Rule::Replace,
        r#""127.0.0.1:7447""#,
        "where `mandate serve` listens; other addresses than those of this machine need a key: [HTTP API](http-api.md)",
    ),
    key(
        "server.allowed_hosts",
        Shape::Texts,
        Rule::Fewer,
        "[]",
        "names under which it may be called, beside `localhost` and addresses",
    ),
    key(
        "server.behind_tls",
        Shape::Flag,
        Rule::On,
        "false",
        "something in front of it ends TLS: cookies are for TLS alone",
    ),
    key(
        "server.requests_per_minute",
        Shape::Number,
        Rule::Lower,
        "",
        "the most requests that one key may make in a minute",
    ),
    key(
        "server.max_body_bytes",
        Shape::Number,
        Rule::Lower,
        "10485760",
        "the largest body of a request",
    ),
    key(
        "server.read_timeout_ms",
        Shape::Number,
        Rule::Lower,
        "30000",
        "how long the head of a request, or its body, may take to come",
    ),
    key(
        "server.session_idle_ms",
        Shape::Number,
        Rule::Lower,
        "1800000",
        "how long a log-in to the console may be idle",
    ),
    key(
        "server.session_lasts_ms",
        Shape::Number,
        Rule::Lower,
        "43200000",
        "how long a log-in to the console lasts at most",
    ),
    key(
        "log.level",
        Shape::Text,
        Rule::Replace,
        "",
        "what is logged to standard error: `info`, `debug`, or a filter such as `mandate_host=debug`; the variable `MANDATE_LOG` goes first: [observability](observability.md)",
    ),
    key(
        "log.format",
        Shape::Text,
        Rule::Replace,
        r#""pretty""#,
        "how log lines look: `pretty` for people, or `json`",
    ),
    key(
        "telemetry.endpoint",
        Shape::Text,
        Rule::Same,
        "",
        "the OpenTelemetry collector that traces are sent to, over HTTP; `OTEL_EXPORTER_OTLP_ENDPOINT` goes first: [observability](observability.md#traces)",
    ),
    key(
        "telemetry.service_name",
        Shape::Text,
        Rule::Replace,
        r#""mandate""#,
        "what this service is called in traces; `OTEL_SERVICE_NAME` goes first",
    ),
    key(
        "policy.dir",
        Shape::Path,
        Rule::Replace,
        r#""policies""#,
        "the folder with the policy, `*.cedar` and `policy.toml`; what an earlier source named stays in force, and both must allow: [policies](policies.md)",
    ),
    key(
        "policy.files",
        Shape::Paths,
        Rule::Replace,
        "[]",
        "policy files beside the folder, or instead of it",
    ),
    key(
        "policy.shadow",
        Shape::Path,
        Rule::Replace,
        "",
        "a policy that is asked beside the one in force and decides nothing; `mandate policy shadow` shows where it differs: [working on policies](policy-workflow.md)",
    ),
    key(
        "policy.on_change",
        Shape::Text,
        Rule::Same,
        r#""re-evaluate""#,
        "what becomes of executions that began under another policy: `re-evaluate` judges open requests and further calls by the new one, `pin` keeps the one that they began with",
    ),
    key(
        "notify.webhook",
        Shape::Text,
        Rule::Same,
        "",
        "where requests that wait and ends of executions are told to: [approvals](approvals.md#being-told)",
    ),
    key(
        "notify.secret",
        Shape::Text,
        Rule::Same,
        "",
        "the name of the secret under `[secrets]` that these notices are signed with",
    ),
    key(
        "notify.secret_file",
        Shape::Path,
        Rule::Same,
        "",
        "the file with the secret that these notices are signed with, instead of `notify.secret`",
    ),
    key(
        "fs.roots",
        Shape::Paths,
        Rule::Beneath,
        r#"["."]"#,
        "the directories beneath which file tools work; relative paths in plans start at the first",
    ),
    key(
        "fs.max_bytes",
        Shape::Number,
        Rule::Lower,
        "8388608",
        "the most bytes that one read or write moves",
    ),
    key(
        "fs.max_entries",
        Shape::Number,
        Rule::Lower,
        "100000",
        "the most entries that one listing, search or deletion visits",
    ),
    key(
        "http.allow_private",
        Shape::Texts,
        Rule::Fewer,
        "[]",
        "hosts, addresses and networks (`10.1.0.0/16`) that may be reached although they are private or loopback",
    ),
    key(
        "http.max_bytes",
        Shape::Number,
        Rule::Lower,
        "8388608",
        "the most bytes of a response body that are read",
    ),
    key(
        "http.connect_timeout_ms",
        Shape::Number,
        Rule::Replace,
        "10000",
        "the time limit for opening a connection",
    ),
    key(
        "http.timeout_ms",
        Shape::Number,
        Rule::Replace,
        "60000",
        "the time limit of a request whose call gives none",
    ),
    key(
        "http.max_redirects",
        Shape::Number,
        Rule::Lower,
        "5",
        "the most redirects that are followed",
    ),
    key(
        "process.env",
        Shape::Texts,
        Rule::Fewer,
        r#"["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_*", "TZ", "TMPDIR", "TERM"]"#,
        "the variables of Mandate's own environment that processes see; `NAME*` stands for a prefix",
    ),
    key(
        "process.max_output_bytes",
        Shape::Number,
        Rule::Lower,
        "4194304",
        "the most bytes kept of each output stream",
    ),
    key(
        "process.timeout_ms",
        Shape::Number,
        Rule::Replace,
        "300000",
        "the time limit of a process whose call gives none",
    ),
    key(
        "process.limits.cpu_seconds",
        Shape::Number,
        Rule::Lower,
        "",
        "processor time of one process, in seconds",
    ),
    key(
        "process.limits.address_space_bytes",
        Shape::Number,
        Rule::Lower,
        "",
        "address space of one process; run times that reserve much do not start under a small one",
    ),
    key(
        "process.limits.file_bytes",
        Shape::Number,
        Rule::Lower,
        "4294967296",
        "the largest file that a process may write",
    ),
    key(
        "process.limits.open_files",
        Shape::Number,
        Rule::Lower,
        "4096",
        "files that a process may have open",
    ),
    key(
        "process.limits.memory_bytes",
        Shape::Number,
        Rule::Lower,
        "8589934592",
        "memory of all processes of the call",
    ),
    key(
        "process.limits.processes",
        Shape::Number,
        Rule::Lower,
        "1024",
        "processes of the call",
    ),
    key(
        "sandbox.read",
        Shape::Paths,
        Rule::Within,
        "[]",
        "files and directories that programs of `process.exec` may read and run, besides the system's and `fs.roots`: [sandbox](sandbox.md)",
    ),
    key(
        "sandbox.write",
        Shape::Paths,
        Rule::Within,
        "[]",
        "the same that they may change, too, besides `fs.roots`",
    ),
    key(
        "sandbox.network",
        Shape::Flag,
        Rule::Off,
        "false",
        "they may use the network",
    ),
    key(
        "sandbox.unix_sockets",
        Shape::Flag,
        Rule::Off,
        "false",
        "they may connect to sockets in the file system, such as those of other programs of the user",
    ),
    key(
        "sandbox.allow_degraded",
        Shape::Flag,
        Rule::Off,
        "false",
        "where this kernel cannot hold them to all of this, they run with what it can do, instead of not at all",
    ),
    key(
        "secrets.*.env",
        Shape::Text,
        Rule::Same,
        "",
        "the environment variable that holds the secret",
    ),
    key(
        "secrets.*.file",
        Shape::Path,
        Rule::Same,
        "",
        "the file that holds it; one line break at its end is not part of it",
    ),
    key(
        "secrets.*.command",
        Shape::Texts,
        Rule::Same,
        "",
        "the program, with arguments, that prints it",
    ),
    key(
        "secrets.*.tools",
        Shape::Texts,
        Rule::Fewer,
        "[]",
        "the tools that may receive it: `http.request`, or `github.*` for a whole server",
    ),
    key(
        "secrets.*.hosts",
        Shape::Texts,
        Rule::Fewer,
        "[]",
        "the hosts that may receive it: `api.example.com`, or `*.example.com` for all beneath",
    ),
    key(
        "mcpServers.*",
        Shape::Table,
        Rule::Same,
        "",
        "an MCP server, over stdio or HTTP, as in `mcpServers` of other clients: [tool servers](tool-servers.md)",
    ),
    key(
        "tools.*",
        Shape::Table,
        Rule::Same,
        "",
        "a tool of your own, written `[[tools]]` with its `name`: [own tools](own-tools.md)",
    ),
];

/// What a path in a file leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found {
    /// A key.
    Key(&'static Key),
    /// A table that holds keys.
    Table,
    /// Nothing.
    Unknown,
}

/// Looks a path up.
pub(crate) fn find(path: &[String]) -> Found {
    for key in KEYS {
        let parts: Vec<&str> = key.path.split('.').collect();
        let fits = parts
            .iter()
            .zip(path)
            .all(|(part, name)| *part == "*" || part == name);
        match (fits, parts.len().cmp(&path.len())) {
            (true, std::cmp::Ordering::Equal) => return Found::Key(key),
            (true, std::cmp::Ordering::Greater) => return Found::Table,
            _ => {}
        }
    }
    Found::Unknown
}

/// The names that could stand at the end of a path, given everything before its last part.
pub(crate) fn siblings(path: &[String]) -> Vec<&'static str> {
    let before = path.len().saturating_sub(1);
    let mut names: Vec<&str> = KEYS
        .iter()
        .filter_map(|key| {
            let parts: Vec<&str> = key.path.split('.').collect();
            let fits = parts
                .iter()
                .zip(path)
                .take(before)
                .all(|(part, name)| *part == "*" || part == name);
            parts
                .get(before)
                .copied()
                .filter(|name| fits && *name != "*")
        })
        .collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_tools::ToolsConfig;
    use serde_json::Value;

    fn leaves(path: &str, value: &Value, found: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    let path = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    leaves(&path, value, found);
                }
            }
            other => found.push((path.to_owned(), other.clone())),
        }
    }

    #[test]
    fn the_table_has_the_keys_and_defaults_that_the_tools_have() {
        let mut found = Vec::new();
        leaves(
            "",
            &serde_json::to_value(ToolsConfig::default()).unwrap(),
            &mut found,
        );
        for (path, value) in found {
            let key = KEYS.iter().find(|key| key.path == path);
            let key = key.unwrap_or_else(|| panic!("`{path}` is not in the table"));
            if path != "fs.roots" {
                let default = if key.default.is_empty() {
                    "null"
                } else {
                    key.default
                };
                assert_eq!(
                    serde_json::from_str::<Value>(default).unwrap(),
                    value,
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn paths_lead_to_keys_tables_and_nothing() {
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        assert!(matches!(find(&path("fs.roots")), Found::Key(_)));
        assert!(matches!(find(&path("secrets.API.env")), Found::Key(_)));
        assert!(matches!(find(&path("process.limits")), Found::Table));
        assert!(matches!(find(&path("fs.root")), Found::Unknown));
        assert!(matches!(find(&path("fs.roots.x")), Found::Unknown));
        assert_eq!(
            siblings(&path("process.limit")),
            ["env", "max_output_bytes", "timeout_ms", "limits"]
        );
    }
}
