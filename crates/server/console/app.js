// Where the console begins: who looks, the frame, the live feed, and which page belongs to which address.

import { get, isAborted, onSignedOut } from './api.js';
import { h, render } from './dom.js';
import { showKeys } from './key-help.js';
import { bind, newPage } from './keys.js';
import * as live from './live.js';
import { announce } from './notice.js';
import { loginPage } from './pages/login.js';
import { problemView } from './problem-view.js';
import * as router from './router.js';
import { forget, load, whoami } from './session.js';
import { frame, PLACES, setCrumbs } from './shell.js';
import { nextTheme } from './theme.js';

/** Address → the module that has the page, read when it is first wanted. */
const PAGES = {
  executions: (id) => (id ? import('./pages/execution.js') : import('./pages/executions.js')),
  inbox: (id) => (id ? import('./pages/request.js') : import('./pages/inbox.js')),
  plans: (id) =>
    id === 'new' ? import('./pages/new-plan.js') : id ? import('./pages/plan.js') : import('./pages/plans.js'),
  policy: () => import('./pages/policy.js'),
  tools: (id) => (id ? import('./pages/tool.js') : import('./pages/tools.js')),
  audit: () => import('./pages/audit.js'),
};

const app = document.getElementById('app');
let shell = null;
let again = () => {};

async function begin() {
  await takeLink();
  // The page's own modules come meanwhile. Where they do not, the page says so itself.
  const [place = 'executions', id] = router.parse(location.hash).segments;
  if (Object.hasOwn(PAGES, place)) PAGES[place](id).catch(() => {});
  try {
    await load();
  } catch (error) {
    render(
      app,
      h(
        'div',
        { class: 'alone' },
        problemView(error, () => begin()),
      ),
    );
    return;
  }
  if (!whoami()) {
    showLogin();
    return;
  }
  shell = frame(app, { onFreeze: (freeze) => shell.paint({ freeze }), onLoggedOut: showLogin });
  live.listen({
    freeze: (freeze) => {
      shell.paint({ freeze });
      announce(freeze ? `Calls are frozen by ${freeze.by}` : 'Calls may start again');
    },
    request: () => countOpen(),
    reload: () => readAround(),
    standing: () => shell.paint(),
  });
  live.begin();
  readAround();
  again = router.start(showPage);
}

/** `#/login/TOKEN`, which `serve` prints, logs in and leaves no trace in the address. */
async function takeLink() {
  const { segments } = router.parse(location.hash);
  if (segments[0] !== 'login') return;
  history.replaceState(null, '', '#/executions');
  if (!segments[1]) return;
  const { login } = await import('./session.js');
  try {
    await login({ link: segments[1] });
  } catch {
    // Used already, or too old: the log-in page, or what is seen without logging in, says what can be done.
  }
}

function showLogin() {
  live.end();
  forget();
  shell = null;
  setCrumbs([{ text: 'Log in' }]);
  render(
    app,
    h(
      'div',
      { keep: `login-${Date.now()}` },
      loginPage(() => location.reload()),
    ),
  );
  app.querySelector('input')?.focus();
}

onSignedOut(() => {
  if (whoami()) showLogin();
});

let counting = false;
let countAgain = false;

/** How many requests wait: for the badge. */
async function countOpen() {
  if (counting) {
    countAgain = true;
    return;
  }
  counting = true;
  try {
    const { inbox } = await get('/v1/inbox?state=open&limit=100');
    shell?.paint({ open: inbox.length });
  } catch {
    // The page itself says when the server does not answer.
  }
  counting = false;
  if (countAgain) {
    countAgain = false;
    countOpen();
  }
}

async function readAround() {
  countOpen();
  try {
    const { freeze } = await get('/v1/freeze');
    shell?.paint({ freeze });
  } catch {
    // As above.
  }
}

async function showPage(segments, query, signal) {
  const [place = 'executions', id] = segments;
  newPage();
  const { main } = shell;
  const known = Object.hasOwn(PAGES, place);
  shell.paint({ place: known ? place : null });
  const root = h('div', { class: `page page-${place}` });
  try {
    if (!known)
      throw Object.assign(new Error(`there is no page \`${place}\``), { remedy: 'choose one from the menu' });
    const module = await PAGES[place](id);
    if (signal.aborted) return;
    render(root, h('p', { class: 'reading dim' }, 'Reading…'));
    main.replaceChildren(root);
    main.scrollTop = 0;
    await module.open({ root, segments, query, signal, crumbs: setCrumbs });
  } catch (error) {
    if (signal.aborted || isAborted(error)) return;
    setCrumbs([{ text: 'Not shown' }]);
    main.replaceChildren(root);
    render(
      root,
      problemView(error, () => again()),
    );
  }
}

bind('?', 'this list', showKeys);
for (const { name, label, key } of PLACES) bind(`g ${key}`, `go to ${label}`, () => router.go(`#/${name}`));
bind('T', 'light, dark, or as the system', () => {
  nextTheme();
  shell?.paint();
});

begin();
