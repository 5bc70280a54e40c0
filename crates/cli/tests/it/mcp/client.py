"""A whole scene with the `mcp` library: propose, approve, call, be refused, replan, finish; then the same plan run by Mandate."""

import asyncio
import os
import subprocess
import sys

from mcp import Client, StdioServerParameters, stdio_client

BINARY, MODE = sys.argv[1:3]
STEPS = [
    {"id": "look", "tool": "pay.look", "args": {"of": "bob"}},
    {"id": "send", "tool": "pay.send", "args": {"to": "bob", "amount": 5}},
    {"id": "again", "tool": "pay.send", "args": {"to": "ann", "amount": 7}},
]
PLAN = {"version": 1, "name": "Pay", "mode": "agent", "steps": STEPS}


def approve(request):
    subprocess.run([BINARY, "approvals", "approve", request["request_id"]], check=True, stdout=subprocess.DEVNULL)


def names(listed):
    return [tool.name for tool in listed.tools if "__" in tool.name]


async def planned(client, expected):
    for _ in range(200):
        found = names(await client.list_tools(cache_mode="bypass"))
        if found == expected:
            return
        await asyncio.sleep(0.05)
    raise AssertionError((found, expected))


async def refused(client, name, arguments, code):
    result = await client.call_tool(name, arguments)
    assert result.is_error, result
    assert result.structured_content["error"]["code"] == code, result


async def done(client, name, arguments, **options):
    result = await client.call_tool(name, arguments, **options)
    assert not result.is_error, result
    return result.structured_content


async def main():
    server = StdioServerParameters(command=BINARY, args=["mcp"], env=dict(os.environ))
    async with Client(stdio_client(server), mode=MODE) as client:
        own = [tool.name for tool in (await client.list_tools()).tools]
        assert own == ["propose_plan", "get_plan", "replan", "execute", "status", "finish", "list_tools"], own
        proposed = await done(client, "propose_plan", {"plan": PLAN})
        approve(proposed["approval"])
        await planned(client, ["pay__look"])
        assert await done(client, "pay__look", {"of": "bob"}) == {"ok": True}
        await refused(client, "pay__unplanned", {}, "UNPLANNED_ACTION")
        await refused(client, "pay__send", {"to": "bob", "amount": 6}, "ARGUMENT_VIOLATION")
        await done(client, "pay__send", {"to": "bob", "amount": 5})
        shorter = {**PLAN, "steps": STEPS[:2] + [{**STEPS[2], "args": {"to": "ann", "amount": 6}}]}
        revised = await done(client, "replan", {"plan": shorter, "reason": "less", "completed": ["look", "send"]})
        if revised["approval"]:
            approve(revised["approval"])
        finished = await done(client, "finish", {})
        assert finished["status"] == "partial", finished
        prompt = await client.get_prompt("plan")
        assert "Pay" in prompt.messages[0].content.text, prompt
        read = await client.read_resource("mandate://plan")
        assert '"status":"partial"' in read.contents[0].text, read

        seen = []

        async def progress(settled, of, message):
            seen.append((settled, of))

        run = await done(client, "execute", {"plan": {**PLAN, "mode": "engine", "name": "Run"}})
        approve(run["requests"][0])
        run = await done(client, "execute", {}, progress_callback=progress)
        assert run["status"] == "success", run
        assert all(of == 3 for _, of in seen), seen


asyncio.run(main())
