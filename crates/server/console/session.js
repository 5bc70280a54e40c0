// Who looks at these pages, and what they may do. The key itself is never kept here: the server keeps the session, the
// browser a cookie that no script can read.

import { get, post, setCsrf } from './api.js';

let me = null;

/** Who it is; null where nobody is logged in. */
export function whoami() {
  return me;
}

/** Whether whoever it is has this right: `view`, `view_all`, `submit`, `steer`, `operate`, `answer`, `audit`, `administer`. */
export function may(right) {
  return Boolean(me?.rights?.includes(right));
}

/** Whether they may steer an execution: their own, or anybody's. */
export function maySteer(execution) {
  return may('operate') || (may('steer') && (execution.principal === me?.principal || me?.via === 'loopback'));
}

function set(told) {
  me = told;
  setCsrf(told?.csrf);
  return told;
}

/** Asks the server who it is. */
export async function load() {
  try {
    return set(await get('/v1/whoami'));
  } catch (error) {
    set(null);
    if (error.status === 401) return null;
    throw error;
  }
}

/** Logs in, by key or by the link that `serve` prints. */
export async function login(by) {
  return set(await post('/login', by));
}

/** Ends the session. */
export async function logout() {
  await post('/logout');
  set(null);
}

/** The session is over. */
export function forget() {
  set(null);
}
