"""MCP's own conformance suite, with the gateway in front of a fixture server: `cargo xtask conformance`.

The fixture has the tools, prompts and resources whose names the suite knows. It is asked directly first, and then through the
gateway, by a client that comes to an execution which was approved before: every tool is a step of its plan, and each call is
enforced and journaled. Whatever the fixture passes and the gateway does not is a failure. So is what only the gateway can pass:
the scenarios of the tasks extension, of which the fixture knows nothing.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
# The version of the suite, what it is told to run, and the revision that is spoken to the fixture.
RUNS = {
    "up to 2025-11-25": ("0.1.16", ["--suite", "all"], True),
    "2026-07-28": ("0.2.0-alpha.12", ["--requirements", "2026-07-28"], False),
}
# Scenarios that do not count for a revision, and that the gateway passes.
MORE = [
    "http-custom-header-server-validation",
    "tasks-lifecycle",
    "tasks-capability-negotiation",
    "tasks-wire-fields",
    "tasks-request-state-removal",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-dispatch-and-envelope",
    "tasks-mrtr-composition",
]
# Tools that several scenarios call, and that are stopped or fail there.
OFTEN = ["slow_compute", "failing_job", "protocol_error_job", "confirm_delete", "multi_input", "test_tool_with_task"]
PASS = ["prompts", "resources", "completions", "progress", "logging", "sampling", "elicitation", "roots"]
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def listening(port, what, process):
    """Waits for it: long, as a machine that does much else starts Python slowly, but not for one that has ended."""
    until = time.time() + 180
    while time.time() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    ended = process.poll()
    why = "it is still starting" if ended is None else f"it has ended with {ended}"
    sys.exit(f"{what} does not listen on {port}: {why}")


def install(into):
    """The suites, and a Node that is new enough for them."""
    into.mkdir(parents=True, exist_ok=True)
    packages = {"node": ["node@22"]}
    for version, _, _ in RUNS.values():
        packages[version] = [f"@modelcontextprotocol/conformance@{version}"]
    for folder, names in packages.items():
        if not (into / folder / "node_modules").is_dir():
            quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(into / folder)]
            subprocess.run(["npm", "install", *quiet, *names], check=True)
    return into / "node/node_modules/node/bin/node"


def suite(node, into, version, words, url, out):
    """The scenarios that were run, and whether each has passed; those that do not count are left out."""
    program = into / version / "node_modules/.bin/conformance"
    command = [node, program, "server", "--url", url, *words, "-o", out]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=900)
    summary = ran.stdout.partition("=== SUMMARY ===")[2]
    uncounted = set(re.findall(r"^  [✓✗] (\S+) \(", summary, re.M))
    found = re.findall(r"^([✓✗]) ([\w/.-]+): (\d+) passed, (\d+) failed", summary, re.M)
    if not found:
        sys.exit(f"the suite says nothing: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return {name: mark == "✓" for mark, name, _, _ in found if name not in uncounted}, uncounted


class Gateway:
    """Mandate in a folder of its own, with an approved plan over everything that the fixture has."""

    def __init__(self, mandate, folder, fixture, sessions):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.mandate, self.folder = mandate, folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("MANDATE")}
        self.env["XDG_CONFIG_HOME"] = str(folder / "none")
        (folder / "mandate.toml").write_text(
            "[limits]\ncalls_per_session = 100000\n"
            '[gateway]\ntools_list = "stable"\ntask_after_ms = 300\n'
            f'[mcpServers.fixture]\nurl = "{fixture}"\npass = {json.dumps(PASS)}\nplain_names = true\n'
            f"sessions = {json.dumps(sessions)}\n"
            # A call that only reads is stopped when its task is cancelled.
            + "".join(f'tools.{tool} = {{ effect = "read" }}\n' for tool in OFTEN)
        )
        port = free_port()
        self.root = f"http://127.0.0.1:{port}/mcp"
        self.log = open(folder / "log", "w")
        listen = [mandate, "serve", "--listen", f"127.0.0.1:{port}"]
        self.server = subprocess.Popen(listen, cwd=folder, env=self.env, stdout=self.log, stderr=self.log)
        listening(port, "the gateway", self.server)
        self.url = f"{self.root}/{self.approved()}"

    def call(self, name, arguments):
        params = {"name": name, "arguments": arguments, "_meta": META}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": "tools/call",
            "mcp-name": name,
        }
        request = urllib.request.Request(self.root, body.encode(), headers)
        result = json.load(urllib.request.urlopen(request))["result"]
        if result.get("isError"):
            sys.exit(f"{name}: {json.dumps(result['structuredContent'], indent=1)[:4000]}")
        return result["structuredContent"]

    def approved(self):
        """Every tool several times, so that one whose call has failed can be called again."""
        tools = self.call("list_tools", {"query": "fixture.", "limit": 200})["tools"]
        steps = []
        for again in range(16):
            for number, tool in enumerate(tools):
                if again >= 4 and tool["tool"].partition(".")[2] not in OFTEN:
                    continue
                step = {"id": f"s{number}_{again}", "tool": tool["tool"], "after": []}
                step |= {"max_invocations": 100, "on_failure": "skip"}
                open_arguments = tool["input_schema"].get("properties", {})
                if open_arguments:
                    step["allow"] = {"args": {name: {"any": True} for name in open_arguments}}
                steps.append(step)
        limits = {"max_parallel": 64, "timeout_ms": 3_600_000, "max_tool_calls": 9_000}
        plan = {"version": 1, "name": "Conformance", "mode": "agent", "constraints": limits, "steps": steps}
        proposed = self.call("propose_plan", {"plan": plan})
        self.run("approvals", "approve", proposed["approval"]["request_id"])
        return proposed["execution_id"]

    def run(self, *words):
        ran = subprocess.run([self.mandate, *words], cwd=self.folder, env=self.env, capture_output=True, text=True)
        if ran.returncode:
            sys.exit(f"{words}: {ran.stdout}{ran.stderr}")
        return ran.stdout

    def end(self):
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(30)
        print("  journal:", self.run("audit", "verify").strip().splitlines()[0])


def one(node, into, scenario, url):
    """Whether a scenario is passed, and what is not."""
    program = into / RUNS["2026-07-28"][0] / "node_modules/.bin/conformance"
    command = [node, program, "server", "--url", url, "--scenario", scenario]
    command += ["-o", into / "out-more", "--verbose"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    said = ran.stdout + ran.stderr
    counts = re.search(r"Passed: (\d+)/(\d+), (\d+) failed", said)
    return bool(counts) and counts[1] == counts[2] and counts[3] == "0", said


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--mandate", type=pathlib.Path, required=True)
    words.add_argument("--into", type=pathlib.Path, required=True, help="where the suites are installed")
    words.add_argument("--python", type=pathlib.Path, required=True, help="a Python with the package `mcp`")
    given = words.parse_args()
    into = given.into.resolve()
    node = install(into)
    worse = []
    for revision, (version, selection, sessions) in RUNS.items():
        port = free_port()
        start = [given.python, HERE / "long_fixture.py", "--port", str(port), "--log-level", "ERROR"]
        fixture = subprocess.Popen(start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            listening(port, "the fixture", fixture)
            url = f"http://127.0.0.1:{port}/mcp"
            direct, _ = suite(node, into, version, selection, url, into / "out-direct")
            gateway = Gateway(given.mandate.resolve(), into / f"site-{version}", url, sessions)
            try:
                through, uncounted = suite(node, into, version, selection, gateway.url, into / "out")
                more = {} if sessions else {name: one(node, into, name, gateway.url) for name in MORE}
            finally:
                gateway.end()
        finally:
            fixture.kill()
        lost = sorted(name for name, passed in direct.items() if passed and not through.get(name))
        passed = sum(through.values())
        print(f"{revision} (suite {version}): directly {sum(direct.values())} of {len(direct)}, ", end="")
        print(f"through the gateway {passed} of {len(through)} scenarios; {len(uncounted)} more do not count")
        for name in lost:
            print(f"  ✗ {name}")
        worse += lost
        if more:
            print(f"  beside them {sum(passed for passed, _ in more.values())} of {len(more)} that do not count")
        for name, (passed, said) in more.items():
            if not passed:
                print(f"  ✗ {name}\n{said[-4000:]}")
                worse.append(name)
    sys.exit(1 if worse else 0)


main()
