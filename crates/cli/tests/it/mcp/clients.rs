//! What clients are told, what is taken over from them, and the ways around the gateway that they leave.

use crate::project::Project;
use serde_json::{Value, json};

#[test]
fn each_client_is_told_in_its_own_words() {
    let project = Project::new();
    let config = |args: &[&str]| {
        let ran = project.run(&[&["mcp", "config", "--json", "--client"], args].concat());
        ran.exits(0).json()
    };
    let code = config(&["claude-code"]);
    let entry = &code["configuration"]["mcpServers"]["mandate"];
    assert_eq!(
        (&entry["type"], &entry["args"]),
        (&json!("stdio"), &json!(["mcp"])),
        "{code:#}"
    );
    assert!(
        code["file"].as_str().unwrap().ends_with("/.mcp.json"),
        "{code:#}"
    );
    let vscode = config(&["vscode", "--url", "https://mandate.example.org/mcp"]);
    let entry = &vscode["configuration"]["servers"]["mandate"];
    assert_eq!(
        entry["headers"]["Authorization"], "Bearer ${env:MANDATE_API_KEY}",
        "{vscode:#}"
    );
    let desktop = config(&["claude-desktop"]).to_string();
    assert!(
        desktop.contains("--data-dir"),
        "it starts elsewhere: {desktop}"
    );
    let locked = config(&["claude-code", "--lock-down"]);
    let hook = locked["managed"]["hooks"]["PreToolUse"][0]["hooks"][0]["command"]
        .as_str()
        .unwrap();
    let session = &locked["configuration"]["mcpServers"]["mandate"]["args"][2];
    assert!(hook.ends_with(session.as_str().unwrap()), "{locked:#}");
    let none = project
        .run(&["mcp", "config", "--client", "cursor", "--lock-down"])
        .exits(2);
    assert!(none.stderr.contains("its own tools"), "{none:#?}");
    let text = project
        .run(&["mcp", "config", "--client", "cursor"])
        .exits(0)
        .stdout;
    let printed: Value = serde_json::from_str(&text).unwrap();
    assert!(printed["mcpServers"]["mandate"].is_object(), "{text}");
}

#[test]
fn servers_of_other_clients_are_taken_over() {
    let project = Project::new();
    project.write(
        "code.json",
        "{\n  // mine\n  \"servers\": {\n    \"mandate\": {\"type\": \"stdio\", \"command\": \"/usr/bin/mandate\", \"args\": [\"mcp\"]},\n    \
         \"Files\": {\"type\": \"stdio\", \"command\": \"true\", \"args\": [\"${workspaceFolder}\"], \"dev\": {\"watch\": \"x\"}},\n    \
         \"web\": {\"type\": \"http\", \"url\": \"http://127.0.0.1:1/mcp\", \"headers\": {\"X-Key\": \"${env:HOME}\"}},\n  },\n}\n",
    );
    let told = project
        .run(&["mcp", "import", "code.json", "--json"])
        .exits(0)
        .json();
    assert_eq!(told["servers"], json!(["Files", "web"]), "{told:#}");
    assert_eq!(told["left_out"][0]["server"], "mandate", "{told:#}");
    assert!(
        !told["toml"].as_str().unwrap().contains("watch"),
        "{told:#}"
    );
    project
        .run(&["mcp", "import", "code.json", "--write"])
        .exits(0);
    let tools = project.run(&["tools", "list", "--json"]).json().to_string();
    assert!(tools.contains("files") && tools.contains("web"), "{tools}");
    let again = project
        .run(&["mcp", "import", "code.json", "--json"])
        .exits(0)
        .json();
    assert_eq!(again["servers"], json!([]), "they are there: {again:#}");
    // The file as it stands does, too.
    let verbatim = Project::new();
    verbatim.write("code.json", project.read("code.json"));
    verbatim.write("mandate.toml", "mcp_servers_file = \"code.json\"\n");
    let doctor = verbatim.run(&["doctor", "--json"]).json().to_string();
    assert!(
        doctor.contains("files") && !doctor.contains("`mandate` does not work"),
        "{doctor}"
    );
}

#[test]
fn the_ways_around_are_listed() {
    let project = Project::new();
    let ways = || {
        project
            .run(&["doctor", "--client", "claude-code", "--json"])
            .exits(1)
            .json()
    };
    let open = ways().to_string();
    assert!(
        open.contains("does not know it") && open.contains("own tools"),
        "{open}"
    );
    let config = project
        .run(&["mcp", "config", "--client", "claude-code"])
        .exits(0)
        .stdout;
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["mcpServers"]["github"] = json!({ "command": "github-mcp" });
    project.write(".mcp.json", config.to_string());
    let around = ways();
    let texts: Vec<&str> = { around["findings"].as_array().unwrap().iter() }
        .map(|finding| finding["text"].as_str().unwrap())
        .collect();
    assert!(
        texts.iter().any(|text| text.contains("`github`")),
        "{texts:?}"
    );
    assert!(texts.contains(&"Claude Code knows it"), "{texts:?}");
}
