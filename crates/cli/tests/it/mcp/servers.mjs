// A whole scene over real tool servers with the client libraries for TypeScript, of the revisions with sessions (`sdk`) and
// of 2026-07-28 (`client`): propose, approve, call, be refused, replan, finish; then the same plan run by Mandate.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [binary, modules, library, scene] = process.argv.slice(2);
const { plan, replies } = JSON.parse(readFileSync(scene, "utf8"));
// The packages are where the tool servers are, and not beside this file.
const require = createRequire(`${modules}/`);
const load = async (name) => import(pathToFileURL(require.resolve(name)));

async function connect() {
  const server = { command: binary, args: ["mcp"], env: process.env, stderr: "inherit" };
  const about = { name: `scene-${library}`, version: "1" };
  if (library === "sdk") {
    const { Client } = await load("@modelcontextprotocol/sdk/client/index.js");
    const { StdioClientTransport } = await load("@modelcontextprotocol/sdk/client/stdio.js");
    const client = new Client(about);
    await client.connect(new StdioClientTransport(server));
    return client;
  }
  const { Client } = await load("@modelcontextprotocol/client");
  const { StdioClientTransport } = await load("@modelcontextprotocol/client/stdio");
  const client = new Client(about, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  await client.connect(new StdioClientTransport(server));
  return client;
}

const client = await connect();
const call = (name, args) => client.callTool({ name, arguments: args });
const approve = (request) => execFileSync(binary, ["approvals", "approve", request.request_id]);
const wire = (tool) => tool.replace(".", "__");

async function done(name, args) {
  const result = await call(name, args);
  assert.ok(!result.isError, `${name}: ${JSON.stringify(result)}`);
  return result.structuredContent;
}

async function refused(name, args, code) {
  const result = await call(name, args);
  assert.ok(result.isError, JSON.stringify(result));
  assert.equal(result.structuredContent.error.code, code, JSON.stringify(result));
}

async function shown(name) {
  for (let tries = 0; tries < 400; tries++) {
    const { tools } = await client.listTools(undefined, { cacheMode: "bypass" });
    if (tools.some((tool) => tool.name === name)) return;
    await new Promise((soon) => setTimeout(soon, 50));
  }
  assert.fail(`${name} is not shown`);
}

const own = (await client.listTools()).tools.map((tool) => tool.name);
assert.deepEqual(own, ["propose_plan", "get_plan", "replan", "execute", "status", "finish", "list_tools"]);
await refused(wire(plan.steps[0].tool), plan.steps[0].args, "UNPLANNED_ACTION");
const proposed = await done("propose_plan", { plan });
approve(proposed.approval);
const last = plan.steps.length - 2;
for (const [number, step] of plan.steps.slice(0, last).entries()) {
  await shown(wire(step.tool));
  await refused("sqlite__write_query", { query: "DROP TABLE releases" }, number === 5 ? "ARGUMENT_VIOLATION" : "SEQUENCE_VIOLATION");
  await refused("filesystem__move_file", { source: "a", destination: "b" }, "UNPLANNED_ACTION");
  await refused(wire(step.tool), { ...step.args, more: "x" }, "ARGUMENT_VIOLATION");
  // What refers to the steps before it is given resolved.
  const args = JSON.parse(JSON.stringify(step.args).replaceAll("${steps.now.output.timezone}", "UTC"));
  const result = await call(wire(step.tool), args);
  assert.ok(!result.isError, JSON.stringify(result));
  if (replies[step.id]) assert.match(JSON.stringify(result), new RegExp(replies[step.id]));
}
const completed = plan.steps.slice(0, last).map((step) => step.id);
const shorter = { ...plan, steps: [...plan.steps.slice(0, last), { ...plan.steps[last + 1], args: { message: "over" } }, plan.steps[last]] };
const revised = await done("replan", { plan: shorter, reason: "the echo first", completed });
if (revised.approval) approve(revised.approval);
await shown("everything__echo");
assert.match(JSON.stringify(await call("everything__echo", { message: "over" })), /Echo: over/);
const finished = await done("finish", {});
assert.equal(finished.status, "partial");
await refused(wire(plan.steps[last].tool), plan.steps[last].args, "TOKEN_EXPIRED");

const again = JSON.parse(JSON.stringify({ ...plan, mode: "engine" }).replaceAll("releases", "again").replaceAll("notes.md", "again.md"));
const run = await done("execute", { plan: again });
approve(run.requests[0]);
const ended = await done("execute", {});
assert.equal(ended.status, "success", JSON.stringify(ended));
await client.close();
