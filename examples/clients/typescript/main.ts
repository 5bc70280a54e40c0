// Submits a plan that needs approval, has somebody else approve it, and reads what happened.

import { readFile } from "node:fs/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./mandate.js";

type Problem = components["schemas"]["Problem"];

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

function client(key: string) {
  return createClient<paths>({
    baseUrl: setting("MANDATE_URL").replace(/\/$/, ""),
    headers: { Authorization: `Bearer ${setting(key)}` },
  });
}

/** What was answered; a problem says what is wrong and what to do. */
function of<T>(answer: { data?: T; error?: Problem }): T {
  if (answer.data === undefined) {
    const { code, detail, remedy } = answer.error!;
    throw new Error(`${code}: ${detail}\n  try: ${remedy}`);
  }
  return answer.data;
}

const [agent, approver] = [client("AGENT_KEY"), client("APPROVER_KEY")];

// The key makes it safe to send again: the same key and body are the same execution.
const plan = JSON.parse(await readFile(setting("PLAN"), "utf8"));
const made = of(
  await agent.POST("/v1/executions", {
    params: { header: { "Idempotency-Key": "greet-typescript-1" } },
    body: { plan, inputs: { who: "TypeScript" } },
  }),
);
console.log(`${made.outcome}: ${made.request_id}`);
if (!made.request_id) throw new Error("nobody is asked");

// Whoever approves sees what it would do, and says yes to exactly that.
const request = { params: { path: { request_id: made.request_id } } };
const asked = of(await approver.GET("/v1/inbox/{request_id}", request));
for (const effect of asked.about.effects) console.log(`  ${effect.step}: ${effect.tool} (${effect.effect})`);
of(
  await approver.POST("/v1/inbox/{request_id}:answer", {
    ...request,
    body: { choice: "approve", reason: "a greeting harms nobody", subject: asked.subject },
  }),
);

// Live events are Server-Sent Events: one line of data each, until `end`. Come again with `Last-Event-ID` after a break.
const execution = { path: { execution_id: made.execution_id } };
const stream = of(
  await agent.GET("/v1/executions/{execution_id}/events", {
    params: execution,
    headers: { Accept: "text/event-stream" },
    parseAs: "stream",
  }),
);
let text = "";
reading: for await (const piece of stream!.pipeThrough(new TextDecoderStream())) {
  const lines = (text + piece).split("\n");
  text = lines.pop() ?? "";
  for (const line of lines) {
    if (line === "event: end") break reading;
    if (!line.startsWith("data: ")) continue;
    const event = JSON.parse(line.slice("data: ".length));
    console.log(`  ${String(event.seq).padStart(2)} ${event.kind}  ${event.summary}`);
  }
}

const ended = of(await agent.GET("/v1/executions/{execution_id}", { params: execution }));
console.log(`${ended.status}: ${ended.outputs?.["greeting"]}`);
