// The client library for tasks (`@modelcontextprotocol/ext-tasks`), over HTTP: it proposes a plan, waits for its approval, and
// calls a tool that takes long. The library leaves it to its host to send what it asks for.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [binary, modules, url, key] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const load = async (name) => import(pathToFileURL(require.resolve(name)));
const { Client, StreamableHTTPClientTransport } = await load("@modelcontextprotocol/client");
const { createTaskSessionFromClient, resultFromTaskOutcome } = await import(pathToFileURL(`${modules}/@modelcontextprotocol/ext-tasks/dist/client/index.js`));

const clientInfo = { name: "ext-tasks", version: "1" };
const clientCapabilities = { extensions: { "io.modelcontextprotocol/tasks": {} } };
const client = new Client(clientInfo, { versionNegotiation: { mode: { pin: "2026-07-28" } }, capabilities: clientCapabilities });
const headers = { authorization: `Bearer ${key}` };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));

const seen = [];
let last = 1000;
// What the library asks for, as the revision wants it over HTTP.
async function rawDispatch(request) {
  const message = { jsonrpc: "2.0", id: ++last, ...request };
  const name = message.params.name ?? message.params.taskId;
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      ...headers, "content-type": "application/json", accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28", "mcp-method": message.method, ...(name && { "mcp-name": name }),
    },
    body: JSON.stringify(message),
  });
  const told = await answer.json();
  seen.push([message.method, told.result?.resultType, told.result?.status]);
  return told;
}
const session = createTaskSessionFromClient(client, {
  endpointId: "mandate", rawDispatch,
  v2RequestFraming: { protocolVersion: "2026-07-28", clientInfo, clientCapabilities },
});
async function call(name, args, meanwhile) {
  const execution = await session.callTool(name, args);
  await meanwhile?.();
  const { outcome } = await execution.settle();
  return resultFromTaskOutcome(outcome);
}
const plan = { version: 1, name: "Pay", mode: "agent", steps: [{ id: "look", tool: "pay.look", args: { of: "bob" } }] };
const approve = () => {
  const [request] = JSON.parse(execFileSync(binary, ["inbox", "list", "--json"])).requests;
  execFileSync(binary, ["approvals", "approve", request.request_id], { env: { ...process.env, MANDATE_API_KEY: key } });
};
const approved = await call("propose_plan", { plan }, approve);
assert.equal(approved.structuredContent.answer, "approve", JSON.stringify(approved));
writeFileSync("hold", "");
const looked = await call("pay__look", { of: "bob" }, () => writeFileSync("gate", ""));
assert.deepEqual(looked.structuredContent, { ok: true });
console.log(JSON.stringify(seen));
await session.close();
await client.close();
