"""Claude Code, as it comes from npm, behind Mandate: `cargo xtask claude-code`.

The model is a script, so that no network and no account are needed; the client, its MCP and its hooks are the real ones. It is
started with the configuration that `mandate mcp config` prints.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from model import Model, call

PACKAGE = "@anthropic-ai/claude-code@2.1.332"
TOOLS = """
[[tools]]
name = "pay.look"
description = "Looks somebody up."
command = ["sh", "witness.sh"]
effect = "read"

[[tools]]
name = "pay.send"
description = "Sends money."
command = ["sh", "witness.sh"]
effect = "network"
[tools.input_schema]
type = "object"
required = ["to", "amount"]
properties = { to = { type = "string" }, amount = { type = "integer" } }

[[tools]]
name = "claude-code.bash"
kind = "external"
description = "The agent's shell."
effect = "execute"
[tools.input_schema]
type = "object"
required = ["command"]
properties = { command = { type = "string" }, description = { type = "string" } }
"""
PAY = {
    "version": 1,
    "name": "Pay",
    "mode": "agent",
    "steps": [
        {"id": "look", "tool": "pay.look", "args": {"of": "bob"}},
        {"id": "send", "tool": "pay.send", "args": {"to": "bob", "amount": 5}},
        {"id": "more", "tool": "pay.send", "args": {"to": "bob", "amount": 6}},
    ],
}
SAYS = {"description": {"any": True}}
BUILD = {
    "version": 1,
    "name": "Build",
    "mode": "agent",
    "steps": [
        {"id": "build", "tool": "claude-code.bash", "args": {"command": "echo built >> made"}, "allow": {"args": SAYS}},
        {"id": "check", "tool": "claude-code.bash", "args": {"command": "cat made; exit 3"}, "allow": {"args": SAYS}, "on_failure": "skip"},
    ],
}


class Site:
    """A folder with Mandate and Claude Code in it, and nothing of whoever runs this."""

    def __init__(self, mandate, claude, folder):
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "home").mkdir(parents=True)
        self.mandate, self.claude, self.folder = mandate, claude, folder
        self.env = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
        self.env |= {"HOME": str(folder / "home"), "MANDATE_HOST_IDLE_MS": "2000"}
        (folder / "mandate.toml").write_text(TOOLS)
        (folder / "witness.sh").write_text("cat >> ledger; echo >> ledger; echo '{\"ok\": true}'\n")

    def run(self, *words):
        ran = subprocess.run([self.mandate, *words], cwd=self.folder, env=self.env, capture_output=True, text=True)
        if ran.returncode:
            sys.exit(f"mandate {words}: {ran.stdout}{ran.stderr}")
        return ran.stdout

    def configured(self):
        """What `mandate mcp config` prints: the file with the server, and the settings with the hooks."""
        told = json.loads(self.run("mcp", "config", "--client", "claude-code", "--lock-down", "--json"))
        (self.folder / ".mcp.json").write_text(json.dumps(told["configuration"]))
        # Only an administrator can write the managed file; its hooks and permissions mean the same here.
        settings = {key: told["managed"][key] for key in ("hooks", "permissions")}
        (self.folder / "settings.json").write_text(json.dumps(settings))

    def asks(self, prompt, script):
        """Claude Code with that script for a model; what it ends with."""
        model = Model(script)
        env = self.env | {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "sk-ant-none"}
        env |= {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "MCP_CONNECTION_NONBLOCKING": "0"}
        # The script calls tools at once, and looks none up first.
        env |= {"ENABLE_TOOL_SEARCH": "false"}
        words = ["-p", prompt, "--output-format", "json", "--mcp-config", ".mcp.json", "--strict-mcp-config"]
        words += ["--settings", "settings.json", "--max-turns", "40"]
        ran = subprocess.run([self.claude, *words], cwd=self.folder, env=env, capture_output=True, text=True, timeout=300)
        model.close()
        if model.failure:
            raise model.failure
        if ran.returncode:
            sys.exit(f"claude: {ran.stdout}{ran.stderr}")
        return json.loads(ran.stdout)["result"]

    def ledger(self):
        file = self.folder / "ledger"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def kinds(self):
        events = self.run("executions", "events", "@last", "--json")
        return [json.loads(line)["kind"] for line in events.splitlines()]

    def approve(self, text):
        told = json.loads(text)
        self.run("approvals", "approve", told["approval"]["request_id"])


def told(came, name, error=None):
    """What a tool said; with `error`, that it was refused with that code."""
    text, is_error = came[name]
    if error is None:
        assert not is_error, f"{name}: {text}"
    else:
        assert is_error and error in text, f"{name}: {text}"
    return text


def listed(model, tool):
    """Has the model look where it is until the client has heard that there is that tool."""
    for _ in range(30):
        if tool in model.tools:
            return
        came = yield call("mcp__mandate__status")
        told(came, "mcp__mandate__status")
    raise AssertionError(f"{tool} is not among {model.tools}")


def pays(site):
    """Proposes a plan, waits for its approval, is refused once, calls its tools, finishes."""
    own = "mcp__mandate__"

    def script(model):
        yield
        assert f"{own}propose_plan" in model.tools, model.tools
        assert not any("pay__" in tool for tool in model.tools), model.tools
        came = yield call(f"{own}propose_plan", plan=PAY)
        site.approve(told(came, f"{own}propose_plan"))
        yield from listed(model, f"{own}pay__look")
        came = yield call(f"{own}pay__look", of="eve")
        told(came, f"{own}pay__look", "ARGUMENT_VIOLATION")
        assert site.ledger() == []
        came = yield call(f"{own}pay__look", of="bob")
        told(came, f"{own}pay__look")
        yield from listed(model, f"{own}pay__send")
        came = yield call(f"{own}pay__send", to="bob", amount=5)
        told(came, f"{own}pay__send")
        came = yield call(f"{own}finish")
        told(came, f"{own}finish")
        yield "paid"

    assert site.asks("Pay bob.", script) == "paid"
    assert site.ledger() == [{"of": "bob"}, {"to": "bob", "amount": 5}], site.ledger()
    kinds = site.kinds()
    assert kinds.count("call_refused") == 1 and kinds[-1] == "execution_finished", kinds
    created = json.loads(site.run("executions", "events", "@last", "--json").splitlines()[0])["data"]
    assert "claude-code" in json.dumps(created["asked"]), created["asked"]


def builds(site):
    """Its own shell is held to the plan by the hooks."""
    own, made = "mcp__mandate__", site.folder / "made"

    def script(model):
        yield
        came = yield call("Bash", command="echo before >> made", description="Before there is a plan")
        told(came, "Bash", "plan")
        came = yield call(f"{own}propose_plan", plan=BUILD)
        site.approve(told(came, f"{own}propose_plan"))
        came = yield call("Bash", command="echo other >> made", description="Another command")
        told(came, "Bash", "ARGUMENT_VIOLATION")
        came = yield call("Write", file_path=str(site.folder / "written"), content="x")
        told(came, "Write", "UNPLANNED_ACTION")
        came = yield call("Bash", command="echo built >> made", description="Builds it")
        told(came, "Bash")
        came = yield call("Bash", command="echo built >> made", description="Builds it twice")
        told(came, "Bash", "VIOLATION")
        came = yield call("Bash", command="cat made; exit 3", description="Checks it")
        text, _ = came["Bash"]
        assert "built" in text and "3" in text, text
        came = yield call(f"{own}status")
        told(came, f"{own}status")
        yield "built"

    assert site.asks("Build it.", script) == "built"
    assert made.read_text() == "built\n", made.read_text()
    assert not (site.folder / "written").exists()
    shown = json.loads(site.run("executions", "show", "@last", "--json"))
    states = {step["id"]: step["state"] for step in shown["steps"]}
    assert states == {"build": "completed", "check": "failed"}, states


def install(into):
    """Claude Code, from npm."""
    if not (into / "node_modules/.bin/claude").exists():
        into.mkdir(parents=True, exist_ok=True)
        quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(into)]
        subprocess.run(["npm", "install", *quiet, PACKAGE], check=True)
    return into / "node_modules/.bin/claude"


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--mandate", type=pathlib.Path, required=True)
    words.add_argument("--into", type=pathlib.Path, required=True, help="where Claude Code is installed")
    given = words.parse_args()
    into = given.into.resolve()
    claude = install(into)
    for scene in [pays, builds]:
        begun = time.time()
        site = Site(given.mandate.resolve(), claude, into / f"site-{scene.__name__}")
        site.configured()
        scene(site)
        print(f"{scene.__name__}: {scene.__doc__} ({time.time() - begun:.1f} s)")
        print("  journal:", site.run("audit", "verify").strip().splitlines()[0])


main()
