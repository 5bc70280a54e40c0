// The one live feed of a page: what changes, anywhere that its reader may look, as the server tells it.
//
// One connection serves all: browsers allow six to a server, over all tabs. It is closed while the tab is hidden, and
// what was missed is read again when it is seen.

import { get } from './api.js';

const FEED = '/v1/executions:watch';
const MOST_WAIT_MS = 15_000;

const listeners = new Set();
let source = null;
let epoch = null;
let wait = 1_000;
let retry = null;
let wanted = false;
let standing = 'off';

/** `live`, `connecting`, `lost` or `off`. */
export function standingOfFeed() {
  return standing;
}

/**
 * Listens until `signal` says to stop. `on` may hold `execution` (a row), `request`, `freeze`, `standing` (of the feed),
 * `reload` (something may have been missed: read again).
 */
export function listen(on, signal) {
  listeners.add(on);
  signal?.addEventListener('abort', () => listeners.delete(on), { once: true });
}

function tell(name, value) {
  for (const on of [...listeners]) on[name]?.(value);
}

function become(next) {
  if (standing === next) return;
  standing = next;
  tell('standing', next);
}

/** Begins to listen to the server. */
export function begin() {
  wanted = true;
  if (!document.hidden) connect();
}

/** Stops. */
export function end() {
  wanted = false;
  close('off');
}

function close(next) {
  clearTimeout(retry);
  source?.close();
  source = null;
  become(next);
}

function connect() {
  clearTimeout(retry);
  source?.close();
  become('connecting');
  const feed = new EventSource(FEED);
  source = feed;
  const data = (name, act) => feed.addEventListener(name, (event) => act(JSON.parse(event.data || 'null')));
  data('hello', (told) => {
    wait = 1_000;
    become('live');
    if (epoch !== null) tell('reload');
    epoch = told?.epoch ?? '';
  });
  data('reset', () => tell('reload'));
  data('execution', (row) => tell('execution', row));
  data('request', (row) => tell('request', row));
  data('freeze', (freeze) => tell('freeze', freeze));
  feed.addEventListener('bye', again);
  feed.onerror = () => {
    if (source !== feed) return;
    again();
    // A feed does not say why it was refused: where the session is over, this finds it out.
    get('/v1/whoami').catch(() => {});
  };
}

/** Once more, later each time. */
function again() {
  close('lost');
  if (!wanted || document.hidden) return;
  retry = setTimeout(connect, wait);
  wait = Math.min(wait * 2, MOST_WAIT_MS);
}

document.addEventListener('visibilitychange', () => {
  if (!wanted) return;
  if (document.hidden) close('off');
  else connect();
});
window.addEventListener('online', () => wanted && !document.hidden && connect());
window.addEventListener('offline', () => wanted && close('lost'));
