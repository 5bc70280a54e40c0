"""A model that says what a script says: the messages API of Anthropic, streamed, for one client at a time.

A script is a generator: it yields what the model says, a text or calls of tools, and is sent what came of the calls.
"""

import http.server
import json
import threading


def call(name, **arguments):
    """A call of a tool."""
    return {"name": name, "input": arguments}


def results(messages):
    """What came of the calls that the model made last, by their names; texts. And everything that it was told."""
    named, came = {}, {}
    for message in messages:
        for block in message["content"] if isinstance(message["content"], list) else []:
            if block.get("type") == "tool_use":
                named[block["id"]] = block["name"]
                came = {}
            if block.get("type") == "tool_result":
                content = block.get("content", "")
                text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
                came[named[block["tool_use_id"]]] = (text, block.get("is_error", False))
    return came


class Model:
    """Serves a script until it is closed."""

    def __init__(self, script):
        self.tools, self.failure = [], None
        model, script = self, script(self)
        next(script)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, body, kind="application/json"):
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                self.answer(b"{}")

            def do_HEAD(self):
                self.answer(b"")

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
                if not self.path.startswith("/v1/messages?") and self.path != "/v1/messages":
                    return self.answer(json.dumps({"input_tokens": 1}).encode())
                tools = [tool["name"] for tool in request.get("tools", [])]
                if not tools:
                    # It wants a title, or the like.
                    return self.answer(*streamed(["fine"], request))
                model.tools = tools
                try:
                    said = script.send(results(request["messages"]))
                except (Exception, StopIteration) as why:  # told by whoever started it
                    model.failure = model.failure or why
                    said = "the script has ended"
                self.answer(*streamed(said if isinstance(said, list) else [said], request))

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()


def streamed(said, request):
    """What the model says, as server-sent events."""
    events = []

    def event(kind, **data):
        events.append(f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n")

    usage = {"input_tokens": 1, "output_tokens": 1}
    about = {"id": "msg_1", "type": "message", "role": "assistant", "model": request.get("model", ""), "content": []}
    event("message_start", message={**about, "stop_reason": None, "stop_sequence": None, "usage": usage})
    for index, block in enumerate(said):
        if isinstance(block, str):
            event("content_block_start", index=index, content_block={"type": "text", "text": ""})
            event("content_block_delta", index=index, delta={"type": "text_delta", "text": block})
        else:
            number = f"toolu_{len(json.dumps(request['messages']))}_{index}"
            start = {"type": "tool_use", "id": number, "name": block["name"], "input": {}}
            event("content_block_start", index=index, content_block=start)
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            event("content_block_delta", index=index, delta=delta)
        event("content_block_stop", index=index)
    calls = any(not isinstance(block, str) for block in said)
    event("message_delta", delta={"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}, usage=usage)
    event("message_stop")
    return "".join(events).encode(), "text/event-stream"
