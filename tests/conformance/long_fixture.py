#!/usr/bin/env python3
"""The fixture, and beside its tools those that the suite's scenarios of the tasks extension call.

The server itself knows nothing of tasks: its tools only take long, or ask after a while. Tasks are what the gateway makes of that.
"""

import asyncio

from fixture import _name_elicitation, main, mcp
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult

# So long that a client that takes tasks is given one.
LONG = 1.0


def answered(ctx: Context, key: str, field: str) -> object:
    """What was answered to that question; none if nothing was yet."""
    answer = (ctx.input_responses or {}).get(key)
    return answer.content.get(field) if isinstance(answer, ElicitResult) and answer.content else None


def confirmation(message: str) -> ElicitRequest:
    schema = {"type": "object", "properties": {"confirm": {"type": "boolean"}}, "required": ["confirm"]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


@mcp.tool()
def greet(name: str) -> str:
    """Answers at once"""
    return f"Hello, {name}!"


@mcp.tool()
async def slow_compute(seconds: float = 0, label: str = "") -> str:
    """Takes that long"""
    await asyncio.sleep(seconds)
    return f"{label} took {seconds} s"


@mcp.tool()
async def failing_job() -> str:
    """Fails after a while"""
    await asyncio.sleep(LONG)
    raise RuntimeError("the job has failed")


@mcp.tool()
async def protocol_error_job() -> str:
    """Is answered with an error of the protocol after a while"""
    await asyncio.sleep(LONG)
    raise MCPError(code=-32603, message="the job is no more")


@mcp.tool()
async def confirm_delete(filename: str, ctx: Context) -> str | InputRequiredResult:
    """Asks after a while"""
    if ctx.input_responses:
        return f"{filename}: {answered(ctx, 'sure', 'confirm')}"
    await asyncio.sleep(LONG)
    return InputRequiredResult(input_requests={"sure": confirmation(f"Delete {filename}?")})


@mcp.tool()
async def multi_input(ctx: Context) -> str | InputRequiredResult:
    """Asks two things after a while"""
    if ctx.input_responses:
        return f"{answered(ctx, 'first', 'confirm')} {answered(ctx, 'second', 'confirm')}"
    await asyncio.sleep(LONG)
    asked = {"first": confirmation("This?"), "second": confirmation("And that?")}
    return InputRequiredResult(input_requests=asked)


@mcp.tool()
async def test_tool_with_task(ctx: Context) -> str | InputRequiredResult:
    """Asks at once, and takes long with the answer"""
    if not ctx.input_responses:
        return InputRequiredResult(input_requests={"user_name": _name_elicitation()})
    await asyncio.sleep(LONG)
    return f"Hello, {answered(ctx, 'user_name', 'name')}!"


if __name__ == "__main__":
    main()
