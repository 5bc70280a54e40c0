// Requests to the server that this page came from: JSON in, JSON out, and one kind of error.

/** What the server answered when it did not do what was asked: RFC 9457, with the members that Mandate adds. */
export class Problem extends Error {
  constructor(status, body, requestId) {
    super(body.detail || body.message || body.title || `the server answered ${status}`);
    this.status = status;
    this.title = body.title || 'Not done';
    this.code = body.code || '';
    this.kind = body.kind || '';
    this.remedy = body.remedy || '';
    this.details = body.details ?? {};
    this.requestId = body.request_id || requestId || '';
    this.body = body;
  }
}

/** What was not even answered. */
export class Unreachable extends Error {
  constructor(cause) {
    super('the server does not answer');
    this.title = 'No connection';
    this.remedy = 'see whether `mandate serve` runs, and try again';
    this.status = 0;
    this.details = {};
    this.cause = cause;
  }
}

let csrf = '';
let whenSignedOut = () => {};

/** The value that every change by cookie has to carry. */
export function setCsrf(value) {
  csrf = value || '';
}

/** What to do when a session is over. */
export function onSignedOut(act) {
  whenSignedOut = act;
}

/** `?a=1&b=2`; what is empty is left out, lists are repeated. */
export function query(parameters) {
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one != null && one !== '' && one !== false) all.append(name, one);
    }
  }
  const text = all.toString();
  return text && `?${text}`;
}

/** A path of which each `${…}` is one segment, whatever stands in it. */
export function path(parts, ...values) {
  return parts.reduce((whole, part, i) => whole + encodeURIComponent(values[i - 1]) + part);
}

/** Reads. */
export function get(where, { signal } = {}) {
  return call('GET', where, { signal });
}

/** Asks for something to be done. */
export function post(where, body, { signal, headers } = {}) {
  return call('POST', where, { signal, headers, body: body ?? {} });
}

async function call(method, where, { signal, headers, body }) {
  const request = { method, signal, headers: { Accept: 'application/json', ...headers }, credentials: 'same-origin' };
  if (body !== undefined) {
    request.headers['Content-Type'] = 'application/json';
    request.body = JSON.stringify(body);
  }
  if (method !== 'GET' && csrf) request.headers['X-Mandate-Csrf'] = csrf;
  let answer;
  try {
    answer = await fetch(where, request);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Unreachable(error);
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const told = await answer.json().catch(() => ({}));
  const problem = new Problem(answer.status, told, answer.headers.get('X-Request-Id'));
  if (answer.status === 401 && !where.startsWith('/login')) whenSignedOut(problem);
  throw problem;
}

/** Whether an error says only that nobody wants the answer any more. */
export function isAborted(error) {
  return error?.name === 'AbortError';
}
