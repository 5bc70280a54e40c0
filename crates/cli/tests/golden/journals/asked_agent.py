"""An agent at `/mcp` of `mandate serve`: it proposes a plan, reads a resource of a tool server, and is asked by one of its tools.

   asked_agent.py MANDATE ADDRESS; the key is the one in MANDATE_API_KEY
"""

import json
import os
import subprocess
import sys
import time
import urllib.request

MANDATE, ADDRESS = sys.argv[1:]
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    "io.modelcontextprotocol/clientInfo": {"name": "recorder", "version": "1"},
}
STEPS = [
    {"id": "look", "tool": "far.look", "after": []},
    {"id": "greet", "tool": "far.greet", "after": []},
]
PLAN = {"version": 1, "name": "Told", "mode": "agent", "steps": STEPS}


def request(method, **params):
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
    headers = {
        "authorization": "Bearer " + os.environ["MANDATE_API_KEY"],
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
    }
    name = params.get("name") or params.get("uri")
    if name:
        headers["mcp-name"] = name
    sent = urllib.request.Request(ADDRESS + "mcp", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(sent, timeout=60) as answer:
        said = json.load(answer)
    assert "result" in said, said
    return said["result"]


def tool(name, arguments, **more):
    answer = request("tools/call", name=name, arguments=arguments, **more)
    assert not answer.get("isError"), answer
    return answer


def until(seen, what):
    for _ in range(200):
        if seen():
            return
        time.sleep(0.05)
    raise AssertionError(what)


proposed = tool("propose_plan", {"plan": PLAN})["structuredContent"]
subprocess.run([MANDATE, "approvals", "approve", proposed["approval"]["request_id"]], check=True, stdout=sys.stderr)
until(lambda: tool("status", {})["structuredContent"]["callable"], "it may be called")
read = request("resources/read", uri="memo://today")
assert "instructions" in json.dumps(read), read
asked = tool("far__greet", {})
assert asked["resultType"] == "input_required", asked
(name,) = asked["inputRequests"]
answers = {name: {"action": "accept", "content": {"name": "Ann"}}}
greeted = tool("far__greet", {}, requestState=asked["requestState"], inputResponses=answers)
assert "hello, Ann" in json.dumps(greeted), greeted
looked = tool("far__look", {})
assert "instructions" in json.dumps(looked), looked
