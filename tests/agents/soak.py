"""Many agents at once, for long: they propose plans, call what these allow, hang up in the middle of calls and come back in
other sessions, while tool server and host are killed. At the end the tool server's own ledger is held against what the agents
were told: `cargo xtask soak --agents`.

No call may have been lost (an agent was told that it was done, and the ledger does not have it) or done twice; no agent may be
told another one's outcome; the host's memory must be flat.
"""

import argparse
import collections
import http.client
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).parent
AGENTS = 64
# One of so many of them over standard input and output, the others over HTTP.
OVER_PIPES = 8
STEPS = 6
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "soak", "version": "1"},
}
POLICY = """@id("soak/allowed")
@decision("allow")
@message("the ledger takes everything")
permit (principal, action == Action::"Call", resource);
"""


def alike(error):
    """A refusal without what differs from one call to the next."""
    words = [error.get(name) for name in ("code", "message", "remedy")]
    return " | ".join(re.sub(r"[0-9a-f]{8}-[0-9a-f-]+|\d+", "N", str(word)) for word in words)


# What a call may be refused with around hang-ups and kills. IN_DOUBT: the server was killed under it. HOST_GONE: the host was, and
# the agent's own process lived on. SEQUENCE_VIOLATION: the call that the agent hung up on came in late, and was made.
EXPECTED = {"IN_DOUBT", "HOST_GONE", "SEQUENCE_VIOLATION"}


class HungUp(Exception):
    """The agent has no answer: it hung up, or whoever it asked is gone."""


class Site:
    """Mandate in a folder of its own."""

    def __init__(self, mandate, folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.mandate, self.folder = mandate, folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("MANDATE")}
        self.env["XDG_CONFIG_HOME"] = str(folder / "none")
        self.ledger, self.pids = folder / "ledger", folder / "pids"
        self.ledger.touch()
        self.pids.touch()
        (folder / "policies").mkdir()
        (folder / "policies/soak.cedar").write_text(POLICY)
        server = [str(HERE / "ledger_server.py"), str(self.ledger), str(self.pids)]
        (folder / "mandate.toml").write_text(
            "[limits]\ncalls_per_session = 100000000\n"
            f"[mcpServers.ledger]\ncommand = {json.dumps(sys.executable)}\nargs = {json.dumps(server)}\n"
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.root = self.run("keys", "create", "root", "--role", "admin").strip()
        self.log = open(folder / "log", "w")
        self.host = None
        self.start()

    def command(self, words, key=None):
        env = dict(self.env, MANDATE_API_KEY=key) if key else self.env
        return {"args": [self.mandate, *words], "cwd": self.folder, "env": env}

    def run(self, *words, key=None):
        ran = subprocess.run(**self.command(words, key), capture_output=True, text=True)
        if ran.returncode:
            raise RuntimeError(f"{words}: {ran.stdout}{ran.stderr}")
        return ran.stdout

    def start(self):
        words = ["serve", "--listen", f"127.0.0.1:{self.port}"]
        self.host = subprocess.Popen(**self.command(words, self.root), stdout=self.log, stderr=self.log)

    def memory_mib(self):
        with open(f"/proc/{self.host.pid}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        return int(fields["RssAnon"].split()[0]) / 1024

    def put(self):
        with open(self.ledger) as ledger:
            return collections.Counter(ledger.read().splitlines())


class OverHttp:
    """A session over HTTP: one connection after the other."""

    def __init__(self, site, key, session):
        self.site, self.key, self.session = site, key, session
        self.connection = None

    def request(self, params, hang_up):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=60)
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {**params, "_meta": META}})
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "authorization": f"Bearer {self.key}",
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": "tools/call",
            "mcp-name": params["name"],
            "x-governance-session-id": self.session,
        }
        try:
            self.connection.request("POST", "/mcp", body, headers)
            if hang_up:
                time.sleep(random.random() * 0.01)
                raise HungUp
            response = self.connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise HungUp from error
        except HungUp:
            self.close()
            raise
        if response.status != 200:
            raise HungUp(f"{response.status} {text[:300]}")
        return json.loads(text)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class OverPipes:
    """A process of the gateway."""

    def __init__(self, site, key, session):
        words = ["mcp", "--session", session]
        self.process = subprocess.Popen(
            **site.command(words, key), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.last = 0

    def request(self, params, hang_up):
        self.last += 1
        message = {"jsonrpc": "2.0", "id": self.last, "method": "tools/call", "params": {**params, "_meta": META}}
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
            if hang_up:
                time.sleep(random.random() * 0.01)
                raise HungUp
            for line in self.process.stdout:
                answer = json.loads(line)
                if answer.get("id") == self.last:
                    return answer
        except OSError as error:
            raise HungUp from error
        raise HungUp

    def close(self):
        self.process.kill()
        self.process.communicate()


class Agent(threading.Thread):
    """Proposes a plan, calls its steps, and begins again."""

    def __init__(self, site, number, key, until):
        super().__init__(name=f"agent-{number}", daemon=True)
        self.site, self.number, self.key, self.until = site, number, key, until
        self.way = OverHttp if number % OVER_PIPES else OverPipes
        self.session = None
        self.counts = collections.Counter()
        self.sessions = 0
        self.told = set()
        self.refused = collections.Counter()
        self.wrong = []

    def open(self):
        self.sessions += 1
        return self.way(self.site, self.key, f"agent-{self.number}-{self.sessions}")

    def call(self, name, arguments, hang_up=False):
        if self.session is None:
            self.session = self.open()
        answer = self.session.request({"name": name, "arguments": arguments}, hang_up)
        if "result" not in answer:
            self.wrong.append(f"{name}: {answer}")
            raise HungUp
        return answer["result"]

    def again(self):
        """In another session, which finds the execution by its id."""
        if self.session:
            self.session.close()
        self.session = None
        self.counts["sessions"] += 1
        time.sleep(random.random() * 0.2)

    def state(self, execution):
        """Where the execution is, from whichever session. None when the time is over."""
        while time.time() < self.until + 60:
            try:
                result = self.call("status", {"execution_id": execution})
            except HungUp:
                self.again()
                continue
            told = result.get("structuredContent", {})
            if result.get("isError"):
                self.counts[f"status {told.get('error', {}).get('code')}"] += 1
                self.again()
                continue
            if told["execution_id"] != execution:
                self.wrong.append(f"asked for {execution}, was told of {told['execution_id']}")
            return told
        return None

    def run(self):
        done = 0
        while time.time() < self.until:
            who = f"agent-{self.number}"
            numbers = range(done * STEPS, (done + 1) * STEPS)
            steps = [
                {"id": f"put_{number}", "tool": "ledger.put", "args": {"who": who, "number": number}} for number in numbers
            ]
            plan = {"version": 1, "name": f"Put {who} {done}", "mode": "agent", "steps": steps}
            done += 1
            try:
                proposed = self.call("propose_plan", {"plan": plan})
            except HungUp:
                # Whether it is there, nobody says. It lies idle, and its numbers are not used again.
                self.again()
                continue
            if proposed.get("isError"):
                error = proposed["structuredContent"]["error"]
                self.counts[f"propose {error['code']}: {error['message'][:100]}"] += 1
                self.again()
                continue
            self.drive(proposed["structuredContent"]["execution_id"], who, numbers)
            self.counts["plans"] += 1
        if self.session:
            self.session.close()

    def drive(self, execution, who, numbers):
        for number in numbers:
            while True:
                if time.time() > self.until + 60:
                    return
                hang_up = random.random() < 0.03
                try:
                    result = self.call("ledger__put", {"who": who, "number": number}, hang_up)
                except HungUp:
                    self.counts["hung up"] += 1
                    self.again()
                    if not self.may_call(execution, who, number):
                        break
                    continue
                told = result.get("structuredContent", {})
                if result.get("isError"):
                    error = told.get("error", {})
                    self.counts[f"put {error.get('code')}"] += 1
                    self.refused[alike(error)] += 1
                    if error.get("code") not in EXPECTED:
                        self.wrong.append(f"{who} put {number} and was refused: {error}")
                    if not self.may_call(execution, who, number):
                        break
                    continue
                if told != {"who": who, "number": number}:
                    self.wrong.append(f"{who} put {number} and was told {told}")
                self.counts["done"] += 1
                self.told.add(f"{who} {number}")
                break

    def may_call(self, execution, who, number):
        """Whether the step is still to be called. What is in doubt is found out, as an operator would."""
        step_id = f"put_{number}"
        for _ in range(200):
            told = self.state(execution)
            if told is None:
                return False
            step = next(step for step in told["steps"] if step["id"] == step_id)
            match step["state"]:
                case "completed":
                    self.counts["done, as status says"] += 1
                    self.told.add(f"{who} {number}")
                    return False
                case "in_doubt":
                    put = self.site.put()[f"{who} {number}"]
                    verdict = "--done" if put else "--not-done"
                    self.counts[f"in doubt {verdict}"] += 1
                    try:
                        words = ["executions", "resolve", execution, step_id, verdict, "--reason", "the ledger says so"]
                        self.site.run(*words, key=self.site.root)
                    except RuntimeError as error:
                        self.counts["resolve failed"] += 1
                        print(error, file=sys.stderr)
                case "pending" | "waiting":
                    if any(call["step"] == step_id for call in told["callable"]):
                        return True
                case "failed" | "blocked" | "skipped":
                    self.counts[f"step {step['state']}"] += 1
                    return False
            time.sleep(0.05)
        self.wrong.append(f"{execution} {step_id} does not come to rest: {told}")
        return False


def kills(site, begun, until, counts, memory, calm):
    """Kills the tool server every few seconds, and in the first half of the time the host; looks at the host's memory."""
    half = begun + (until - begun) / 2
    next_host, next_server = (math.inf, math.inf) if calm else (begun + 15, begun + 5)
    while time.time() < until:
        time.sleep(0.5)
        now = time.time()
        if now > next_server:
            next_server = now + random.uniform(2, 8)
            for pid in site.pids.read_text().split():
                with open(f"/proc/{pid}/cmdline") if os.path.exists(f"/proc/{pid}/cmdline") else open("/dev/null") as line:
                    if "ledger_server" in line.read():
                        os.kill(int(pid), signal.SIGKILL)
                        counts["server killed"] += 1
        if now > next_host and now < half:
            next_host = now + random.uniform(20, 40)
            site.host.kill()
            site.host.wait()
            counts["host killed"] += 1
            site.start()
        if now > half:
            memory.append((now, site.memory_mib()))


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--mandate", type=pathlib.Path, required=True)
    words.add_argument("--into", type=pathlib.Path, required=True)
    words.add_argument("--minutes", type=float, default=10)
    words.add_argument("--seed", type=int, default=None)
    words.add_argument("--number", type=int, default=AGENTS)
    words.add_argument("--calm", action="store_true", help="nothing is killed: to see what memory depends on")
    given = words.parse_args()
    seed = given.seed if given.seed is not None else random.randrange(1 << 32)
    random.seed(seed)
    print(f"seed {seed}, {given.number} agents, {given.minutes} minutes", flush=True)
    site = Site(given.mandate.resolve(), given.into.resolve())
    numbers = range(given.number)
    keys = [site.run("keys", "create", f"agent-{number}", "--role", "agent", key=site.root).strip() for number in numbers]
    begun = time.time()
    until = begun + given.minutes * 60
    agents = [Agent(site, number, key, until) for number, key in enumerate(keys)]
    for agent in agents:
        agent.start()
    counts, memory = collections.Counter(), []
    kills(site, begun, until, counts, memory, given.calm)
    for agent in agents:
        agent.join(120)
    wrong = [text for agent in agents for text in agent.wrong]
    wrong += [f"{agent.name} did not end" for agent in agents if agent.is_alive()]
    for agent in agents:
        counts += agent.counts
    put = site.put()
    told = set().union(*(agent.told for agent in agents))
    wrong += [f"lost: {line}" for line in told if put[line] == 0]
    wrong += [f"{times} times: {line}" for line, times in put.items() if times > 1]
    site.host.send_signal(signal.SIGTERM)
    site.host.wait(120)
    verified = site.run("audit", "verify", key=site.root).strip().splitlines()[0]
    if "intact" not in verified:
        wrong.append(verified)
    # The second half has no new process: its own first and last quarter are held against each other.
    quarter = max(1, len(memory) // 4)
    early = statistics.median(mib for _, mib in memory[:quarter])
    late = statistics.median(mib for _, mib in memory[-quarter:])
    if late > early * 1.25 + 8:
        wrong.append(f"memory grew from {early:.1f} to {late:.1f} MiB")
    print(f"{len(put)} lines in the ledger, {len(told)} of them told as done, journal {verified}")
    print(f"host's own memory: {early:.1f} MiB, later {late:.1f} MiB")
    for what, count in sorted(counts.items()):
        print(f"  {what}: {count}")
    print("what agents were refused with:")
    refused = sum((agent.refused for agent in agents), collections.Counter())
    for what, count in refused.most_common():
        print(f"  {count} times {what}")
    for text in wrong[:50]:
        print(f"WRONG {text}")
    sys.exit(1 if wrong else 0)


main()
