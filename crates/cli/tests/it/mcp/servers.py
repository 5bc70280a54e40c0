"""The scene of `servers.mjs` with the client library for Python: real tool servers, agent mode, then the same plan run by Mandate."""

import asyncio
import json
import os
import re
import subprocess
import sys

from mcp import Client, StdioServerParameters, stdio_client

BINARY, MODE, SCENE = sys.argv[1:4]
with open(SCENE) as scene:
    SCENE = json.load(scene)
PLAN, STEPS = SCENE["plan"], SCENE["plan"]["steps"]


def approve(request):
    subprocess.run([BINARY, "approvals", "approve", request["request_id"]], check=True, stdout=subprocess.DEVNULL)


def wire(tool):
    return tool.replace(".", "__", 1)


def replaced(value, *pairs):
    text = json.dumps(value)
    for old, new in pairs:
        text = text.replace(old, new)
    return json.loads(text)


async def main():
    server = StdioServerParameters(command=BINARY, args=["mcp"], env=dict(os.environ))
    async with Client(stdio_client(server), mode=MODE) as client:

        async def done(name, arguments):
            result = await client.call_tool(name, arguments)
            assert not result.is_error, result
            return result.structured_content

        async def refused(name, arguments, code):
            result = await client.call_tool(name, arguments)
            assert result.is_error and result.structured_content["error"]["code"] == code, result

        async def shown(name):
            for _ in range(400):
                listed = await client.list_tools(cache_mode="bypass")
                if any(tool.name == name for tool in listed.tools):
                    return
                await asyncio.sleep(0.05)
            raise AssertionError(f"{name} is not shown")

        await refused(wire(STEPS[0]["tool"]), STEPS[0]["args"], "UNPLANNED_ACTION")
        proposed = await done("propose_plan", {"plan": PLAN})
        approve(proposed["approval"])
        for number, step in enumerate(STEPS[:-2]):
            await shown(wire(step["tool"]))
            code = "ARGUMENT_VIOLATION" if number == 5 else "SEQUENCE_VIOLATION"
            await refused("sqlite__write_query", {"query": "DROP TABLE releases"}, code)
            await refused("filesystem__move_file", {"source": "a", "destination": "b"}, "UNPLANNED_ACTION")
            await refused(wire(step["tool"]), {**step["args"], "more": "x"}, "ARGUMENT_VIOLATION")
            arguments = replaced(step["args"], ("${steps.now.output.timezone}", "UTC"))
            result = await client.call_tool(wire(step["tool"]), arguments)
            assert not result.is_error, result
            assert re.search(SCENE["replies"].get(step["id"], ""), result.model_dump_json()), result
        shorter = {**PLAN, "steps": [*STEPS[:-2], {**STEPS[-1], "args": {"message": "over"}}, STEPS[-2]]}
        completed = [step["id"] for step in STEPS[:-2]]
        revised = await done("replan", {"plan": shorter, "reason": "the echo first", "completed": completed})
        if revised["approval"]:
            approve(revised["approval"])
        await shown("everything__echo")
        echoed = await client.call_tool("everything__echo", {"message": "over"})
        assert "Echo: over" in echoed.model_dump_json(), echoed
        finished = await done("finish", {})
        assert finished["status"] == "partial", finished
        await refused(wire(STEPS[-2]["tool"]), STEPS[-2]["args"], "TOKEN_EXPIRED")

        again = replaced({**PLAN, "mode": "engine"}, ("releases", "again"), ("notes.md", "again.md"))
        run = await done("execute", {"plan": again})
        approve(run["requests"][0])
        ended = await done("execute", {})
        assert ended["status"] == "success", ended


asyncio.run(main())
