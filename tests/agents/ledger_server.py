"""An MCP server with one tool, whose every call is a line in a ledger before it is answered. It can be killed at any time."""

import json
import os
import sys
import time

LEDGER, PIDS = sys.argv[1:3]
with open(PIDS, "a") as pids:
    pids.write(f"{os.getpid()}\n")
TOOL = {
    "name": "put",
    "description": "Writes a line into the ledger.",
    "inputSchema": {
        "type": "object",
        "required": ["who", "number"],
        "properties": {"who": {"type": "string"}, "number": {"type": "integer"}},
    },
}


def answer(request, result):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}) + "\n")
    sys.stdout.flush()


for line in sys.stdin:
    request = json.loads(line)
    match request.get("method"):
        case "initialize":
            about = {"name": "ledger", "version": "1"}
            answer(request, {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": about})
        case "tools/list":
            answer(request, {"tools": [TOOL]})
        case "tools/call":
            put = request["params"]["arguments"]
            with open(LEDGER, "a") as ledger:
                ledger.write(f"{put['who']} {put['number']}\n")
            time.sleep(0.002)
            answer(request, {"content": [{"type": "text", "text": json.dumps(put)}]})
        case _ if "id" in request:
            error = {"code": -32601, "message": "method not found"}
            sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}) + "\n")
            sys.stdout.flush()
