"""Submits a plan that needs approval, has somebody else approve it, and reads what happened."""

import json
import os

from mandate_client import AuthenticatedClient
from mandate_client.api.executions import show_execution, submit_execution
from mandate_client.api.inbox import answer_request, show_request
from mandate_client.models import GiveAnswer, Problem, Submit


def of(answer):
    """What was answered; a problem says what is wrong and what to do."""
    if isinstance(answer, Problem):
        raise SystemExit(f"{answer.code}: {answer.detail}\n  try: {answer.remedy}")
    return answer


def client(key):
    return AuthenticatedClient(base_url=os.environ["MANDATE_URL"].rstrip("/"), token=os.environ[key])


agent, approver = client("AGENT_KEY"), client("APPROVER_KEY")

# The key makes it safe to send again: the same key and body are the same execution.
with open(os.environ["PLAN"], encoding="utf-8") as plan:
    body = Submit.from_dict({"plan": json.load(plan), "inputs": {"who": "Python"}})
made = of(submit_execution.sync(client=agent, body=body, idempotency_key="greet-python-1"))
print(f"{made.outcome}: {made.request_id}")

# Whoever approves sees what it would do, and says yes to exactly that.
asked = of(show_request.sync(made.request_id, client=approver))
for effect in asked.about.effects:
    print(f"  {effect.step}: {effect.tool} ({effect.effect})")
yes = GiveAnswer(choice="approve", reason="a greeting harms nobody", subject=asked.subject)
of(answer_request.sync(asked.request_id, client=approver, body=yes))

# Live events are Server-Sent Events: one line of data each, until `end`. Come again with `Last-Event-ID` after a break.
events = f"/v1/executions/{made.execution_id}/events"
with agent.get_httpx_client().stream("GET", events, headers={"Accept": "text/event-stream"}) as stream:
    for line in stream.iter_lines():
        if line == "event: end":
            break
        if line.startswith("data: "):
            event = json.loads(line.removeprefix("data: "))
            print(f"  {event['seq']:>2} {event['kind']}  {event['summary']}")

ended = of(show_execution.sync(made.execution_id, client=agent))
print(f"{ended.status}: {ended.outputs['greeting']}")
