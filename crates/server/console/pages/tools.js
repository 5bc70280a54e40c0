// The tools that plans may name: what they do to the world, whether they can be called, and how they did.

import { get, isAborted } from '../api.js';
import { h, oncePerFrame, render } from '../dom.js';
import { factsWords } from '../decision-view.js';
import { icon } from '../icons.js';
import { bindHere } from '../keys.js';
import { problemView, prose } from '../problem-view.js';
import { go, to } from '../router.js';
import { chip } from '../states.js';
import { short, words } from '../text.js';
import { showAge, showDuration } from '../time.js';

const EVERY_MS = 10_000;

/** The look of a place in a tool's life. */
export const LIFE_LOOKS = { LOADED: 'dim', INITIALIZED: 'good', RUNNING: 'busy', FAILED: 'bad', UNAVAILABLE: 'bad' };
/** The look of how a definition stands to what was accepted. */
export const STANDING_LOOKS = { accepted: 'good', new: 'dim', changed: 'bad', unaccepted: 'warn' };

/** Shows the page. */
export async function open({ root, signal, crumbs }) {
  crumbs([{ text: 'Tools' }]);
  const page = { tools: [], broken: {}, text: '', at: -1 };
  const paint = oncePerFrame(() => !signal.aborted && show(root, page, { load, paint }));
  async function load() {
    try {
      const told = await get('/v1/tools', { signal });
      Object.assign(page, { tools: told.tools, broken: told.broken_servers ?? {}, problem: null, loaded: true });
    } catch (error) {
      if (isAborted(error)) return;
      page.problem = error;
    }
    paint();
  }
  const move = (by) => {
    const rows = root.querySelectorAll('a.row-link');
    page.at = Math.max(0, Math.min(rows.length - 1, page.at + by));
    rows[page.at]?.focus();
  };
  bindHere('/', 'search', () => document.getElementById('tool-text')?.focus(), signal);
  bindHere('j', 'the next tool', () => move(1), signal);
  bindHere('k', 'the one before', () => move(-1), signal);
  // Counts and lives change with every call; nobody says so by event.
  const every = setInterval(() => !document.hidden && load(), EVERY_MS);
  signal.addEventListener('abort', () => clearInterval(every));
  await load();
}

function show(root, page, { load, paint }) {
  const wanted = page.text.toLowerCase();
  const shown = page.tools.filter(({ name, description }) => `${name} ${description}`.toLowerCase().includes(wanted));
  render(
    root,
    h(
      'div',
      { class: 'toolbar' },
      h(
        'label',
        { class: 'search' },
        icon('search'),
        h('span', { class: 'unseen' }, 'Search'),
        h('input', {
          id: 'tool-text',
          type: 'search',
          placeholder: 'Name or description',
          value: page.text,
          spellcheck: 'false',
          oninput: (event) => ((page.text = event.target.value), paint()),
        }),
      ),
      h('span', { class: 'dim' }, 'Effects are the worst that a call can do.'),
    ),
    page.problem && problemView(page.problem, load),
    Object.entries(page.broken).map(([server, why]) =>
      h(
        'div',
        { key: server, class: 'callout look-bad' },
        icon('warn'),
        h(
          'div',
          { class: 'callout-text' },
          h('p', { class: 'callout-title' }, `The server ${server} does not answer.`),
          h('p', null, prose(why)),
        ),
      ),
    ),
    shown.length > 0 && table(shown),
    shown.length === 0 &&
      page.loaded &&
      h(
        'div',
        { class: 'empty' },
        icon('tools'),
        h('h2', null, 'No such tool'),
        h('p', null, 'MCP servers and own tools are added in ', h('code', null, 'mandate.toml'), '.'),
      ),
  );
}

function table(tools) {
  const now = Date.now();
  return h(
    'div',
    { class: 'table-scroll' },
    h(
      'table',
      { class: 'table tools' },
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          ['Tool', 'Effect', 'State', 'Accepted', 'Calls', 'Average', 'Last used', 'About'].map((name) =>
            h('th', { scope: 'col' }, name),
          ),
        ),
      ),
      h(
        'tbody',
        null,
        tools.map((tool) => toolRow(tool, now)),
      ),
    ),
  );
}

function toolRow(tool, now) {
  const { metrics } = tool;
  const failed = metrics.error_count;
  return h(
    'tr',
    { key: tool.name, onclick: (event) => !event.target.closest('a') && go(to(['tools', tool.name])) },
    h(
      'td',
      { class: 'cell-name' },
      h('a', { class: 'row-link mono', href: to(['tools', tool.name]) }, tool.name),
    ),
    h(
      'td',
      null,
      chip(tool.facts.effect, undefined, factsWords(tool.facts)),
      tool.facts.open_world && h('span', { class: 'dim small' }, ' open world'),
    ),
    h(
      'td',
      null,
      tool.engine_handled
        ? h('span', { class: 'dim' }, 'by the engine')
        : chip(tool.lifecycle.toLowerCase(), LIFE_LOOKS[tool.lifecycle], tool.lifecycle_reason ?? ''),
    ),
    h(
      'td',
      { class: ['cell-standing', !tool.standing && 'is-none'] },
      tool.standing ? chip(words(tool.standing), STANDING_LOOKS[tool.standing]) : h('span', { class: 'dim' }, '–'),
    ),
    h(
      'td',
      { class: 'cell-calls mono' },
      metrics.success_count,
      failed > 0 && h('span', { class: 'look-bad', title: 'did not complete' }, ` + ${failed}`),
    ),
    h(
      'td',
      { class: 'cell-took mono dim' },
      metrics.avg_execution_time_ms == null ? '–' : showDuration(metrics.avg_execution_time_ms),
    ),
    h('td', { class: 'cell-used dim' }, lastUsed(metrics.last_used, now)),
    h('td', { class: 'cell-about dim' }, short(tool.lifecycle_reason ?? tool.description.split('. ')[0], 110)),
  );
}

/** Times of tools come as milliseconds or as text. */
export function lastUsed(at, now) {
  if (at == null) return '–';
  const ms = typeof at === 'number' ? at : Date.parse(at);
  return Number.isNaN(ms) ? String(at) : showAge(ms, now);
}
