// All executions, as they change: which state they are in, what they wait for and for whom, and what carries them on.

import { get, isAborted, query } from '../api.js';
import { commandLine } from '../command-line.js';
import { h, oncePerFrame, render } from '../dom.js';
import { icon } from '../icons.js';
import { bindHere } from '../keys.js';
import { listen } from '../live.js';
import { announce } from '../notice.js';
import { problemView } from '../problem-view.js';
import { go, setQuery, to } from '../router.js';
import { may } from '../session.js';
import { executionBadge } from '../states.js';
import { brief, list, short, words } from '../text.js';
import { parseSpan, showAge, showDue, showDuration, wholeTime } from '../time.js';

const PAGE = 50;
const ENDED = ['completed', 'failed', 'cancelled'];
const STATES = ['pending', 'waiting', 'running', 'paused', 'replanning', 'compensating', ...ENDED];
const KINDS = [
  'plan',
  'revision',
  'step',
  'question',
  'failure',
  'invariant',
  'budget',
  'in_doubt',
  'timer',
  'retry',
  'paused',
  'frozen',
  'rate_limit',
  'host',
];

/** What is asked for most. */
const VIEWS = [
  { name: 'all', label: 'All', filter: {} },
  { name: 'open', label: 'Unfinished', filter: { unfinished: 'true' } },
  { name: 'waiting', label: 'Waiting', filter: { state: 'waiting' } },
  { name: 'doubt', label: 'In doubt', filter: { waiting_for: 'in_doubt' } },
  { name: 'failed', label: 'Failed', filter: { status: 'failure' } },
];

/** Shows the page. */
export async function open({ root, query: asked, signal, crumbs }) {
  crumbs([{ text: 'Executions' }]);
  await new List(root, asked, signal).begin();
}

class List {
  constructor(root, asked, signal) {
    Object.assign(this, { root, signal });
    this.filter = Object.fromEntries(asked);
    this.rows = [];
    this.next = null;
    this.at = -1;
    this.paint = oncePerFrame(() => !signal.aborted && this.#paint());
  }

  async begin() {
    await this.#load();
    listen({ execution: (row) => this.#take(row), reload: () => this.#load() }, this.signal);
    const key = (name, about, act) => bindHere(name, about, act, this.signal);
    key('j', 'the next execution', () => this.#move(1));
    key('k', 'the one before', () => this.#move(-1));
    key('Enter', 'open it', (event) => {
      // On a link or a button, the key is its own.
      if (/^(a|button|summary)$/i.test(event.target.nodeName)) return false;
      if (this.at >= 0) go(to(['executions', this.#shown()[this.at].execution_id]));
      return undefined;
    });
    key('/', 'search', () => document.getElementById('filter-text')?.focus());
    key('c', 'a new plan', () => go('#/plans/new'));
    const tick = setInterval(this.paint, 15_000);
    this.signal.addEventListener('abort', () => clearInterval(tick));
  }

  #parameters() {
    // Text is searched for here, in what is there.
    return { ...this.filter, text: null, limit: PAGE };
  }

  async #load() {
    const asked = JSON.stringify(this.filter);
    try {
      const { executions, next } = await get(`/v1/executions${query(this.#parameters())}`, { signal: this.signal });
      if (asked !== JSON.stringify(this.filter)) return;
      this.rows = executions;
      this.next = next;
      this.problem = null;
    } catch (error) {
      if (isAborted(error)) return;
      this.problem = error;
    }
    this.loaded = true;
    this.#paint();
  }

  async #more() {
    const { executions, next } = await get(`/v1/executions${query({ ...this.#parameters(), after: this.next })}`, {
      signal: this.signal,
    });
    const known = new Set(this.rows.map((row) => row.execution_id));
    this.rows.push(...executions.filter((row) => !known.has(row.execution_id)));
    this.next = next;
    this.paint();
  }

  /** A row that changed, or is new. */
  #take(row) {
    const at = this.rows.findIndex(({ execution_id: id }) => id === row.execution_id);
    const fits = fitsFilter(row, this.filter);
    if (at < 0 && !fits) return;
    if (at < 0) {
      this.rows.unshift(row);
      if (this.at >= 0) this.at += 1;
      announce(`New: ${row.name}`);
    } else if (fits) {
      if (row.state !== this.rows[at].state) announce(`${row.name}: ${words(row.status ?? row.state)}`);
      this.rows[at] = row;
    } else {
      this.rows.splice(at, 1);
    }
    this.paint();
  }

  /** What is searched for is searched in what is there. */
  #shown() {
    const wanted = (this.filter.text ?? '').toLowerCase().trim();
    if (!wanted) return this.rows;
    const fields = (row) =>
      [row.name, row.execution_id, row.principal, row.plan_hash, row.error_code, ...row.tools].join(' ').toLowerCase();
    return this.rows.filter((row) => fields(row).includes(wanted));
  }

  #set(changes) {
    this.filter = Object.fromEntries(Object.entries({ ...this.filter, ...changes }).filter(([, value]) => value));
    setQuery({ ...Object.fromEntries(Object.keys(changes).map((name) => [name, null])), ...this.filter });
    this.at = -1;
    if (Object.keys(changes).join() === 'text') this.paint();
    else this.#load();
  }

  #move(by) {
    const many = this.#shown().length;
    if (many === 0) return;
    this.at = Math.max(0, Math.min(many - 1, this.at + by));
    this.#paint();
    const row = this.root.querySelector('.is-at a.row-link');
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: 'nearest' });
  }

  #paint() {
    const shown = this.#shown();
    render(
      this.root,
      this.#filters(),
      this.problem && problemView(this.problem, () => this.#load()),
      shown.length > 0 ? this.#table(shown) : this.loaded && !this.problem && this.#empty(),
      this.next &&
        h(
          'div',
          { class: 'more' },
          h('button', { type: 'button', class: 'button', onclick: () => this.#more() }, 'Older ones'),
        ),
    );
  }

  #filters() {
    const { filter } = this;
    const view = VIEWS.find(({ filter: of }) =>
      ['unfinished', 'state', 'waiting_for', 'status'].every((name) => (of[name] ?? '') === (filter[name] ?? '')),
    );
    const select = (name, label, options) =>
      h(
        'label',
        { class: 'filter' },
        h('span', { class: 'unseen' }, label),
        h(
          'select',
          { value: filter[name] ?? '', onchange: (event) => this.#set({ [name]: event.target.value }) },
          h('option', { value: '' }, label),
          options.map((value) => h('option', { value }, words(value))),
        ),
      );
    const field = (name, label, placeholder) =>
      h(
        'label',
        { class: 'filter' },
        h('span', { class: 'unseen' }, label),
        h('input', {
          type: 'text',
          placeholder,
          value: filter[name] ?? '',
          spellcheck: 'false',
          autocomplete: 'off',
          onchange: (event) => this.#set({ [name]: event.target.value.trim() }),
        }),
      );
    const narrowed = Object.keys(filter).length > 0;
    return h(
      'div',
      { class: 'toolbar' },
      h(
        'div',
        { class: 'segments', role: 'group', 'aria-label': 'Views' },
        VIEWS.map(({ name, label, filter: of }) =>
          h(
            'button',
            {
              type: 'button',
              class: ['segment', view?.name === name && 'is-on'],
              'aria-pressed': String(view?.name === name),
              onclick: () => this.#set({ unfinished: '', state: '', waiting_for: '', status: '', ...of }),
            },
            label,
          ),
        ),
      ),
      h(
        'label',
        { class: 'search' },
        icon('search'),
        h('span', { class: 'unseen' }, 'Search'),
        h('input', {
          id: 'filter-text',
          type: 'search',
          placeholder: 'Name, id, principal, tool',
          value: filter.text ?? '',
          spellcheck: 'false',
          autocomplete: 'off',
          oninput: (event) => this.#set({ text: event.target.value }),
        }),
        h('kbd', { class: 'wide-only' }, '/'),
      ),
      h(
        'details',
        {
          class: 'filters',
          open:
            ['state', 'status', 'waiting_for', 'tool', 'principal', 'older_than', 'since'].some(
              (name) => filter[name],
            ) && !view,
        },
        h('summary', { class: 'button' }, 'Filters'),
        h(
          'div',
          { class: 'filters-body' },
          select('state', 'Any state', STATES),
          select('status', 'Any status', ['success', 'partial', 'failure']),
          select('waiting_for', 'Waiting for anything', KINDS),
          field('older_than', 'Older than', 'Older than: 2h'),
          field('since', 'Since', 'Since: 24h'),
          field('tool', 'Tool', 'Tool: fs.write'),
          field('principal', 'Principal', 'Principal'),
          narrowed &&
            h(
              'button',
              {
                type: 'button',
                class: 'link',
                onclick: () => this.#set(Object.fromEntries(Object.keys(filter).map((name) => [name, '']))),
              },
              'Clear',
            ),
        ),
      ),
      may('submit') && h('a', { class: 'button is-accent toolbar-end', href: '#/plans/new' }, icon('plus'), 'New plan'),
    );
  }

  #table(rows) {
    const now = Date.now();
    return h(
      'div',
      { class: 'table-scroll' },
      h(
        'table',
        { class: 'table executions' },
        h(
          'thead',
          null,
          h(
            'tr',
            null,
            ['State', 'Name', 'Waits for', 'Steps', 'Principal', 'Age', 'Took'].map((name) =>
              h('th', { scope: 'col' }, name),
            ),
          ),
        ),
        h(
          'tbody',
          null,
          rows.map((row, i) => this.#row(row, i, now)),
        ),
      ),
    );
  }

  #row(row, i, now) {
    const share = row.steps_total ? (row.steps_settled / row.steps_total) * 100 : 0;
    return h(
      'tr',
      {
        key: row.execution_id,
        class: [i === this.at && 'is-at', `row-${row.state}`],
        onclick: (event) => openRow(event, row),
      },
      h(
        'td',
        { class: 'cell-state' },
        executionBadge(row),
        row.error_code && h('span', { class: 'dim small error-code' }, row.error_code),
      ),
      h(
        'td',
        { class: 'cell-name' },
        h(
          'a',
          { class: 'row-link', href: to(['executions', row.execution_id]), onfocus: () => this.#focused(i) },
          row.parent && h('span', { class: 'dim', title: 'a step of another execution' }, '↳ '),
          short(row.name, 100),
        ),
        h('code', { class: 'dim small' }, brief(row.execution_id, 13)),
      ),
      h('td', { class: 'cell-wait' }, row.waiting_for ? waits(row.waiting_for, now) : null),
      h(
        'td',
        { class: 'cell-steps' },
        h(
          'span',
          { class: 'meter', 'aria-hidden': 'true' },
          h('i', {
            class: row.error_code && row.status !== 'partial' ? 'look-bad' : 'look-good',
            vars: { '--share': `${share}%` },
          }),
        ),
        h('span', { class: 'mono' }, `${row.steps_settled}/${row.steps_total}`),
      ),
      h('td', { class: 'cell-who mono' }, row.principal),
      h('td', { class: 'cell-age', title: wholeTime(row.created_at_ms) }, showAge(row.created_at_ms, now)),
      h('td', { class: 'cell-took mono dim' }, showDuration((row.finished_at_ms ?? now) - row.created_at_ms)),
    );
  }

  #focused(i) {
    if (this.at === i) return;
    this.at = i;
    this.paint();
  }

  #empty() {
    const narrowed = Object.keys(this.filter).length > 0;
    return h(
      'div',
      { class: 'empty' },
      icon('executions'),
      h('h2', null, narrowed ? 'Nothing that fits' : 'Nothing has run yet'),
      narrowed
        ? h(
            'p',
            null,
            'No execution fits these filters. ',
            h(
              'button',
              {
                type: 'button',
                class: 'link',
                onclick: () => this.#set(Object.fromEntries(Object.keys(this.filter).map((name) => [name, '']))),
              },
              'Show all',
            ),
          )
        : [
            h(
              'p',
              null,
              may('submit')
                ? 'Paste a plan and see what it would do before it does anything:'
                : 'What agents and people submit appears here, at once. From a terminal:',
            ),
            may('submit') &&
              h('p', null, h('a', { class: 'button is-accent', href: '#/plans/new' }, icon('plus'), 'New plan')),
            commandLine('mandate run plan.yaml --server ' + location.origin),
          ],
    );
  }
}

function openRow(event, row) {
  if (event.target.closest('a, button') || getSelection()?.toString()) return;
  go(to(['executions', row.execution_id]));
}

function waits(waiting, now) {
  return h(
    'div',
    { class: 'waits', title: waiting.next_command },
    h(
      'span',
      null,
      waiting.who?.length ? list(waiting.who) : words(waiting.kind),
      waiting.step && h('span', { class: 'dim' }, ' at ', h('code', null, waiting.step)),
    ),
    h(
      'span',
      { class: 'dim small' },
      [
        waiting.since_ms != null && `since ${showAge(waiting.since_ms, now)}`,
        waiting.due_ms != null && `ends ${showDue(waiting.due_ms, now)}`,
      ]
        .filter(Boolean)
        .join(', '),
    ),
    waiting.next_command && h('span', { class: 'next-command' }, commandLine(waiting.next_command)),
  );
}

/** Whether a row that the feed brought belongs to what is asked for. */
function fitsFilter(row, filter, now = Date.now()) {
  const oneOf = (wanted, value) => !wanted || wanted.split(',').includes(value);
  const age = filter.older_than && parseSpan(filter.older_than);
  const since = filter.since && parseSpan(filter.since);
  return (
    oneOf(filter.state, row.state) &&
    (!filter.unfinished || !ENDED.includes(row.state)) &&
    oneOf(filter.status, row.status) &&
    oneOf(filter.waiting_for, row.waiting_for?.kind) &&
    oneOf(filter.principal, row.principal) &&
    oneOf(filter.session, row.session) &&
    oneOf(filter.plan, row.plan_hash) &&
    oneOf(filter.parent, row.parent) &&
    (!filter.tool || row.tools.includes(filter.tool)) &&
    (!age || row.created_at_ms <= now - age) &&
    (!since || row.created_at_ms >= now - since)
  );
}
