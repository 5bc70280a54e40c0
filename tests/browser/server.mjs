// The real server, in a folder of its own: `mandate serve` from the build folder, with keys, and the command line beside
// it, whose answers are what the pages are compared with.

import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');
/** The program that is tested. */
export const MANDATE = resolve(ROOT, process.env.MANDATE_BIN ?? 'target/debug/mandate');

const run = promisify(execFile);
const READY_MS = 20_000;

/** A port that nobody listens on. */
async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** A server, its folder and its keys. */
export class Server {
  /** Starts one; `files`: name → text, in its folder; `keys`: name → roles. */
  static async start({ files = {}, keys = {} } = {}) {
    const server = new Server();
    server.dir = await mkdtemp(join(tmpdir(), 'mandate-console-'));
    server.port = await freePort();
    server.base = `http://127.0.0.1:${server.port}`;
    await server.cli('init');
    for (const [name, text] of Object.entries(files)) await writeFile(join(server.dir, name), text);
    server.keys = {};
    for (const [name, roles] of Object.entries(keys)) {
      const { key, error } = await server.json('keys', 'create', name, '--role', roles);
      if (!key) throw new Error(`no key for ${name}: ${JSON.stringify(error)}`);
      server.keys[name] = key;
    }
    await server.serve();
    return server;
  }

  /** Starts the process, and waits until it is ready. */
  async serve() {
    const child = spawn(MANDATE, ['serve', '--listen', `127.0.0.1:${this.port}`], {
      cwd: this.dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: this.#env(),
    });
    this.child = child;
    this.said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (this.said += chunk));
    const until = Date.now() + READY_MS;
    while (Date.now() < until) {
      if (child.exitCode !== null) throw new Error(`mandate serve ended with ${child.exitCode}:\n${this.said}`);
      const ready = await fetch(`${this.base}/health/ready`).catch(() => null);
      if (ready?.ok) return;
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error(`mandate serve is not ready:\n${this.said}`);
  }

  #env() {
    return { ...process.env, HOME: this.dir, XDG_CONFIG_HOME: join(this.dir, '.config'), MANDATE_API_KEY: '' };
  }

  /** Ends the process as the kernel does, in the middle of whatever it does. */
  async kill() {
    const ended = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGKILL');
    await ended;
  }

  /** Ends the process, and removes the folder. */
  async stop() {
    if (this.child?.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((done) => this.child.once('exit', done));
      this.child.kill('SIGTERM');
      const late = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(late);
    }
    await rm(this.dir, { recursive: true, force: true });
  }

  /** What a command prints; whatever it exits with. */
  async cli(...args) {
    try {
      return (await run(MANDATE, args, { cwd: this.dir, env: this.#env(), maxBuffer: 1 << 28 })).stdout;
    } catch (error) {
      if (typeof error.code === 'number' && error.stdout) return error.stdout;
      throw error;
    }
  }

  /** The same as JSON. */
  async json(...args) {
    return JSON.parse(await this.cli(...args, '--json'));
  }

  /** Asks the server, with the key of `who`. */
  async api(who, method, path, body) {
    const answer = await fetch(this.base + path, {
      method,
      headers: { Authorization: `Bearer ${this.keys[who]}`, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const told = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(told)}`);
    return told;
  }

  /** Submits a plan; gives the execution's id. */
  async submit(who, plan, inputs = {}) {
    return (await this.api(who, 'POST', '/v1/executions', { plan, inputs })).execution_id;
  }

  /** Waits until an execution is in this state. */
  async reaches(who, id, wanted) {
    const until = Date.now() + 20_000;
    for (;;) {
      const { name, state, error, waiting_for: waiting } = await this.api(who, 'GET', `/v1/executions/${id}`);
      if (state === wanted) return;
      const ended = ['completed', 'failed', 'cancelled'].includes(state);
      if (ended || Date.now() > until) {
        throw new Error(`“${name}” does not come to be ${wanted}: it is ${state}, ${JSON.stringify(error ?? waiting)}`);
      }
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** Says yes to everything that waits, as `who`. */
  async approveAll(who) {
    const { inbox } = await this.api(who, 'GET', '/v1/inbox');
    for (const { request_id: id, kind } of inbox) {
      if (['plan', 'step', 'revision'].includes(kind))
        await this.api(who, 'POST', `/v1/inbox/${id}:answer`, { choice: 'approve' });
    }
  }
}
