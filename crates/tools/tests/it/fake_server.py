"""An MCP server over stdio that can misbehave. What it does is said by its arguments; what it saw goes to a log file."""

import json
import os
import subprocess
import sys
import threading
import time

OPTIONS = set(sys.argv[2:])
LOG = sys.argv[1]
LOCK = threading.Lock()
STATE = {"version": os.environ.get("VERSION", "1"), "late": []}


def log(what):
    with open(LOG, "a") as file:
        file.write(json.dumps(what) + "\n")


def send(message):
    with LOCK:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def raw(data):
    with LOCK:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def result(request, value):
    if "modern" in OPTIONS:
        value = {"resultType": "complete", **value}
    send({"id": request["id"], "result": value})


def error(request, code, message):
    send({"id": request["id"], "error": {"code": code, "message": message}})


def text(request, value):
    result(request, {"content": [{"type": "text", "text": value}]})


def tools():
    names = ["echo", "die", "hang", "slow", "change", "stderr", "fail", "error", "flood", "junk", "ask", "forget", "charge", "charge_status"]
    if "bombs" in OPTIONS:
        names += ["loud", "fork", "eat"]
    listed = [
        {
            "name": name,
            "description": f"{name}, version {STATE['version']}" if name == "echo" else name,
            "inputSchema": {"type": "object", **(STATE.get("schema", {}) if name == "echo" else {})},
            "annotations": {"readOnlyHint": name == "echo"},
        }
        for name in names
    ]
    if "tells" in OPTIONS:
        secret = os.environ["TOKEN"].split(",")[0]
        length = len(secret) - len("token ")
        listed.append({"name": "told", "description": f"has {secret}, {length} bytes", "inputSchema": {"type": "object"}})
    if STATE["version"] != "1":
        listed = [tool for tool in listed if tool["name"] != "forget"]
        listed.append({"name": "new", "inputSchema": {"type": "object"}})
    return listed


def call(request):
    params = request["params"]
    args = params.get("arguments", {})
    log({"call": params["name"], "pid": os.getpid()})
    match params["name"]:
        case "echo":
            text(request, json.dumps({
                "args": args, "meta": params.get("_meta"), "env": dict(os.environ), "pid": os.getpid(), "cwd": os.getcwd(),
            }))
        case "die":
            os._exit(3)
        case "hang":
            while True:
                time.sleep(60)
        case "slow":
            time.sleep(args["seconds"])
            token = params["_meta"]["progressToken"]
            send({"method": "notifications/progress", "params": {"progressToken": token, "progress": 1, "total": 2}})
            text(request, json.dumps({"slept": args["seconds"]}))
            log({"answered": args["seconds"]})
        case "change":
            if "schema" in args:
                STATE["schema"] = args["schema"]
            else:
                STATE["version"] = args.get("version", "2")
            if "quiet" not in OPTIONS:
                send({"method": "notifications/tools/list_changed"})
            text(request, "changed")
        case "stderr":
            sys.stderr.write(args["text"] + "\n")
            sys.stderr.flush()
            STATE["kept"] = args["text"]
            text(request, "written")
        case "forget":
            text(request, STATE.get("kept", "nothing"))
        case "fail":
            result(request, {"isError": True, "content": [{"type": "text", "text": "no such thing: " + args.get("text", "")}]})
        case "error":
            error(request, -32602, "bad arguments")
        case "flood":
            raw(b"x" * (33 * 1024 * 1024))
        case "junk":
            raw(b"\xff\xfe no text\n{\"jsonrpc\": \"2.0\"}\n[1, null]\n\n{\n")
            send({"id": 999999, "result": {"content": []}})
            send({"id": request["id"], "result": "nonsense"} if args.get("nonsense") else {"method": "notifications/message", "params": {}})
            if not args.get("nonsense"):
                text(request, "still here")
        case "ask":
            STATE["asked"] = request
            send({"id": "q1", "method": "ping"})
            send({"id": "q2", "method": "sampling/createMessage", "params": {}})
        case "charge":
            key = params["_meta"]["dev.mandate/idempotencyKey"]
            with open(LOG + ".ledger", "a") as ledger:
                ledger.write(key + "\n")
                ledger.flush()
                os.fsync(ledger.fileno())
            log({"charged": key})
            match args.get("then"):
                case "die":
                    os._exit(3)
                case "hang":
                    while True:
                        time.sleep(60)
            text(request, json.dumps({"charged": key}))
        case "charge_status":
            if "forgetful" in OPTIONS:
                text(request, json.dumps({"state": "unknown"}))
                return
            key = args["idempotency_key"]
            done = os.path.exists(LOG + ".ledger") and key in open(LOG + ".ledger").read().split("\n")
            text(request, json.dumps({"state": "done", "output": {"charged": key}} if done else {"state": "not_done"}))
        case "loud":
            for _ in range(1000):
                sys.stderr.buffer.write(b"x" * 1_000_000)
            sys.stderr.flush()
            text(request, "said")
        case "fork":
            while True:
                subprocess.Popen(["sleep", "50"])
        case "eat":
            for _ in range(4):
                subprocess.Popen([sys.executable, "-c", "import time; x = bytearray(b'x' * (120 << 20)); time.sleep(50)"])
        case other:
            error(request, -32602, f"unknown tool {other}")


def listing(request):
    cursor = request.get("params", {}).get("cursor")
    log({"list": cursor})
    all_tools = tools()
    if "deaf-listing" in OPTIONS:
        return
    if "endless" in OPTIONS:
        result(request, {"tools": all_tools[:1], "nextCursor": "again"})
    elif "pages" in OPTIONS:
        at = int(cursor or 0)
        page = {"tools": all_tools[at : at + 5]}
        if at + 5 < len(all_tools):
            page["nextCursor"] = str(at + 5)
        result(request, page)
    else:
        result(request, {"tools": all_tools})


def handle(message):
    method = message.get("method")
    if method is None:
        log({"reply": message.get("id"), "error": message.get("error", {}).get("code")})
        if message.get("id") == "q2":
            text(STATE["asked"], "asked")
        return
    if method == "server/discover":
        log({"probe": True})
        if "slow-start" in OPTIONS:
            time.sleep(4.5)
        if "modern" in OPTIONS:
            result(message, {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {"listChanged": True}}})
        elif "future" in OPTIONS:
            error(message, -32022, "only 2030-01-01")
        elif "dies-at-probe" in OPTIONS:
            os._exit(9)
        elif "silent" not in OPTIONS:
            error(message, -32601, "method not found")
        return
    if "modern" in OPTIONS and "id" in message and method != "initialize":
        meta = message["params"]["_meta"]
        assert meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28", message
        assert "io.modelcontextprotocol/clientCapabilities" in meta, message
    match method:
        case "initialize":
            log({"initialize": message["params"]["protocolVersion"]})
            if "modern" in OPTIONS:
                error(message, -32602, "no handshake here")
                return
            if "never-ready" in OPTIONS:
                return
            version = "1999-01-01" if "ancient" in OPTIONS else "2025-06-18"
            result(message, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "fake", "version": "1"}})
        case "tools/list":
            listing(message)
        case "tools/call":
            if "single" in OPTIONS:
                call(message)
            else:
                threading.Thread(target=call, args=(message,), daemon=True).start()
        case _ if "id" in message:
            log({"request": method})
            error(message, -32601, "method not found") if method != "subscriptions/listen" else None
        case _:
            log({"notice": method, "params": message.get("params")})


log({"start": os.getpid()})
if "grandchild" in OPTIONS:
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    log({"grandchild": child.pid})
if "stubborn" in OPTIONS:
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "broken" in OPTIONS:
    sys.exit("cannot open the database with " + os.environ.get("TOKEN", "nothing"))
if "banner" in OPTIONS:
    raw(b"Welcome to the server!\n\n  listening on stdio\n")
for line in sys.stdin:
    handle(json.loads(line))
if "stubborn" in OPTIONS:
    while True:
        time.sleep(60)
