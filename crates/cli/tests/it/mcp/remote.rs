//! Tool servers that are reached over HTTP, of both kinds: one with sessions from npm, and Mandate's own gateway, which has none.

use super::http::{key, serve};
use super::{Client, Era};
use crate::example_scenes::installed;
use crate::several::until;
use crate::site::Site;
use serde_json::json;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_with_sessions_is_called_over_http() {
    let Some(program) = installed("npm/node_modules/.bin/mcp-server-everything") else {
        return;
    };
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let start = || {
        let mut command = Command::new(&program);
        command.arg("streamableHttp").env("PORT", port.to_string());
        let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = Server(started.unwrap());
        until("it listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        server
    };
    let server = start();
    let config = format!(
        "[mcpServers.far]\ntype = \"http\"\nurl = \"http://127.0.0.1:{port}/mcp\"\ntools.echo = {{ effect = \"read\" }}\n"
    );
    let site = Site::configured(&config);
    let plan = "version: 1\nname: Far\nmode: agent\nsteps:\n  - {id: a, tool: far.echo, args: {message: hi}}\n  - {id: b, tool: far.echo, args: {message: ho}}\n";
    let mut agent = Client::start(&site, Era::Modern, &[]);
    agent.approved(&site, plan);
    until("it may be called", || !agent.planned().is_empty());
    let echoed = agent.call("far__echo", json!({ "message": "hi" }));
    assert!(echoed.to_string().contains("Echo: hi"), "{echoed:#}");
    // Its session is gone with it; the next call begins another one.
    drop(server);
    let _server = start();
    let echoed = agent.call("far__echo", json!({ "message": "ho" }));
    assert!(echoed.to_string().contains("Echo: ho"), "{echoed:#}");
}

#[test]
fn a_server_without_sessions_is_called_over_http_with_a_key() {
    let far = Site::new();
    let root = key(&far, None, "root", "admin");
    let server = serve(&far);
    let site = Site::configured(&format!(
        "[mcpServers.far]\nurl = \"{}\"\nheaders = {{ Authorization = \"Bearer ${{secrets.FAR}}\" }}\n\
         tools.list_tools = {{ effect = \"read\" }}\n[secrets.FAR]\nfile = \"far.key\"\ntools = [\"far.*\"]\nhosts = [\"127.0.0.1\"]\n",
        server.url
    ));
    site.write("far.key", &root);
    let plan = "version: 1\nname: Far\nsteps:\n  - {id: a, tool: far.list_tools, args: {query: fs.read, names_only: true}}\noutputs: {tools: steps.a.output.tools}\n";
    site.write("plan.yaml", plan);
    let ran = site
        .run(&["run", "plan.yaml", "--yes", "--json"])
        .exits(0)
        .json();
    assert_eq!(ran["outputs"]["tools"][0]["tool"], "fs.read", "{ran:#}");
    assert!(
        !site
            .run(&["audit", "export"])
            .exits(0)
            .stdout
            .contains(&root),
        "the key is in the journal"
    );
    // Without the secret for that host nothing goes there.
    let elsewhere = site
        .content("mandate.toml")
        .replace("hosts = [\"127.0.0.1\"]", "hosts = [\"example.org\"]");
    site.write("mandate.toml", elsewhere);
    let refused = site.run(&["run", "plan.yaml", "--yes", "--json"]);
    assert_ne!(refused.code, 0, "{refused:#?}");
}
