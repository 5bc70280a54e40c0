// Everything that waits for a human.

import { get, isAborted, query } from '../api.js';
import { h, oncePerFrame, render } from '../dom.js';
import { icon } from '../icons.js';
import { bindHere } from '../keys.js';
import { listen } from '../live.js';
import { problemView, ticks } from '../problem-view.js';
import { go, setQuery, to } from '../router.js';
import { stateBadge } from '../states.js';
import { brief, list, short, words } from '../text.js';
import { showAge, showDue, wholeTime } from '../time.js';

const VIEWS = [
  { name: 'open', label: 'Open' },
  { name: 'answered', label: 'Answered' },
  { name: 'expired', label: 'Expired' },
  { name: 'all', label: 'All' },
];

/** What each kind of request asks. */
export const ASKS = {
  plan: 'May this plan run?',
  revision: 'May the plan be changed?',
  step: 'May this call be made?',
  question: 'A question',
  failure: 'A step failed: what now?',
  invariant: 'Something does not hold: go on?',
  budget: 'The budget is used up: more?',
  in_doubt: 'Did it happen?',
};

/** Shows the page. */
export async function open({ root, query: asked, signal, crumbs }) {
  crumbs([{ text: 'Inbox' }]);
  const page = { state: asked.get('state') ?? 'open', rows: [], next: null, at: -1, problem: null, loaded: false };
  const paint = oncePerFrame(() => !signal.aborted && show(root, page, { load, set, more }));
  async function load() {
    try {
      const { inbox, next } = await get(`/v1/inbox${query({ state: page.state })}`, { signal });
      Object.assign(page, { rows: inbox, next, problem: null });
    } catch (error) {
      if (isAborted(error)) return;
      page.problem = error;
    }
    page.loaded = true;
    paint();
  }
  async function more() {
    const { inbox, next } = await get(`/v1/inbox${query({ state: page.state, after: page.next })}`, { signal });
    page.rows.push(...inbox);
    page.next = next;
    paint();
  }
  function set(state) {
    page.state = state;
    page.at = -1;
    setQuery({ state: state === 'open' ? null : state });
    load();
  }
  const move = (by) => {
    page.at = Math.max(0, Math.min(page.rows.length - 1, page.at + by));
    show(root, page, { load, set, more });
    root.querySelector('.is-at a.row-link')?.focus();
  };
  bindHere('j', 'the next request', () => move(1), signal);
  bindHere('k', 'the one before', () => move(-1), signal);
  bindHere(
    'Enter',
    'open it',
    () => {
      if (page.rows[page.at]) go(to(['inbox', page.rows[page.at].request_id]));
    },
    signal,
  );
  listen({ request: load, reload: load }, signal);
  const tick = setInterval(paint, 15_000);
  signal.addEventListener('abort', () => clearInterval(tick));
  await load();
}

function show(root, page, { load, set, more }) {
  render(
    root,
    h(
      'div',
      { class: 'toolbar' },
      h(
        'div',
        { class: 'segments', role: 'group', 'aria-label': 'Which requests' },
        VIEWS.map(({ name, label }) =>
          h(
            'button',
            {
              type: 'button',
              class: ['segment', page.state === name && 'is-on'],
              'aria-pressed': String(page.state === name),
              onclick: () => set(name),
            },
            label,
          ),
        ),
      ),
    ),
    page.problem && problemView(page.problem, load),
    page.rows.length > 0
      ? h(
          'ul',
          { class: 'requests' },
          page.rows.map((row, i) => requestRow(row, i === page.at)),
        )
      : page.loaded && !page.problem && empty(page.state),
    page.next &&
      h('div', { class: 'more' }, h('button', { type: 'button', class: 'button', onclick: more }, 'Older ones')),
  );
}

function requestRow(row, here) {
  const now = Date.now();
  const about = row.question || row.detail?.question || row.about?.plan_name || row.detail?.plan || '';
  const isOpen = row.state === 'open';
  return h(
    'li',
    { key: row.request_id, class: ['request-row', here && 'is-at'] },
    h(
      'a',
      { class: 'row-link', href: to(['inbox', row.request_id]) },
      stateBadge(
        row.kind === 'in_doubt' && isOpen
          ? 'in_doubt'
          : isOpen
            ? 'waiting'
            : row.state === 'expired'
              ? 'cancelled'
              : 'completed',
        words(row.kind),
      ),
      h(
        'span',
        { class: 'request-main' },
        h('strong', null, ASKS[row.kind] ?? words(row.kind)),
        h('span', { class: 'request-about' }, ticks(short(about, 140))),
        row.step && h('code', { class: 'dim' }, row.step),
      ),
      h(
        'span',
        { class: 'request-side dim small' },
        row.approvers?.length > 0 && h('span', null, `for ${list(row.approvers)}`),
        h('span', { title: wholeTime(row.opened_at_ms) }, showAge(row.opened_at_ms, now)),
        isOpen
          ? row.expires_at_ms &&
              h('span', { title: wholeTime(row.expires_at_ms) }, `expires ${showDue(row.expires_at_ms, now)}`)
          : h('span', null, words(row.answer?.choice ?? row.state)),
        h('code', null, brief(row.execution_id, 13)),
      ),
    ),
  );
}

function empty(state) {
  return h(
    'div',
    { class: 'empty' },
    icon('inbox'),
    h('h2', null, state === 'open' ? 'Nothing waits for a human' : 'None of these'),
    state === 'open' &&
      h('p', null, 'Approvals, questions, confirmations and steps in doubt appear here as they come up.'),
  );
}
