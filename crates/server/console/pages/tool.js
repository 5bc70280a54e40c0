// One tool: its schemas, what it does, how it stands, how it did, and what can be done with it.

import { get, isAborted, path } from '../api.js';
import { factsWords, section } from '../decision-view.js';
import { h, oncePerFrame, render } from '../dom.js';
import { icon } from '../icons.js';
import { jsonView } from '../json-view.js';
import { problemView, prose } from '../problem-view.js';
import { to } from '../router.js';
import { kindOf } from '../schema-form.js';
import { chip } from '../states.js';
import { count, words } from '../text.js';
import { showDuration, showTime } from '../time.js';
import { toolActs } from '../tool-acts.js';
import { lastUsed, LIFE_LOOKS, STANDING_LOOKS } from './tools.js';

const EVERY_MS = 5_000;

const FROM = {
  built_in: '',
  configuration: 'the configuration says so',
  accepted: 'said when it was accepted',
  server: 'the server says so, and is trusted',
  default: 'nobody says what it does, so the worst is taken',
};

/** Shows the page. */
export async function open({ root, segments, signal, crumbs }) {
  const name = segments[1];
  const where = path`/v1/tools/${name}`;
  const page = { tool: await get(where, { signal }), problem: null };
  crumbs([{ text: 'Tools', href: '#/tools' }, { text: name }]);
  const paint = oncePerFrame(() => !signal.aborted && render(root, view(page, read)));
  async function read() {
    try {
      page.tool = await get(where, { signal });
      page.problem = null;
    } catch (error) {
      if (isAborted(error)) return;
      page.problem = error;
    }
    paint();
  }
  const every = setInterval(() => !document.hidden && read(), EVERY_MS);
  signal.addEventListener('abort', () => clearInterval(every));
  paint();
}

function view({ tool, problem }, read) {
  const { metrics, facts } = tool;
  return [
    problem && problemView(problem, read),
    h(
      'header',
      { class: 'execution-head' },
      h(
        'div',
        { class: 'execution-title' },
        tool.engine_handled
          ? chip('by the engine', 'dim')
          : chip(tool.lifecycle.toLowerCase(), LIFE_LOOKS[tool.lifecycle]),
        h('h2', { class: 'mono' }, tool.name),
        h('div', { class: 'row execution-acts' }, toolActs(tool, read)),
      ),
      h('p', { class: 'dim' }, prose(tool.description)),
      tool.lifecycle_reason &&
        h(
          'div',
          { class: 'callout look-bad' },
          icon('warn'),
          h('div', { class: 'callout-text' }, h('p', null, prose(tool.lifecycle_reason))),
        ),
    ),
    h(
      'div',
      { class: 'figures' },
      figure('Completed', metrics.success_count.toLocaleString('en')),
      figure('Did not', metrics.error_count.toLocaleString('en'), metrics.error_count > 0 && 'look-bad'),
      figure('Last took', metrics.last_execution_time_ms == null ? '–' : showDuration(metrics.last_execution_time_ms)),
      figure('On average', metrics.avg_execution_time_ms == null ? '–' : showDuration(metrics.avg_execution_time_ms)),
      figure('Last used', lastUsed(metrics.last_used)),
    ),
    h(
      'div',
      { class: 'columns' },
      section(
        'What it does, at worst',
        h('p', { class: 'detail-line' }, chip(facts.effect), h('span', null, factsWords(facts))),
        FROM[words(tool.facts_from).replaceAll(' ', '_')] &&
          h('p', { class: 'dim' }, prose(FROM[words(tool.facts_from).replaceAll(' ', '_')])),
        h(
          'dl',
          { class: 'facts' },
          h('dt', null, 'Provider'),
          h('dd', null, tool.provider),
          h('dt', null, 'Definition'),
          h('dd', { class: 'mono digest' }, tool.digest),
          tool.standing && [
            h('dt', null, 'Accepted'),
            h(
              'dd',
              null,
              chip(words(tool.standing), STANDING_LOOKS[tool.standing]),
              tool.accepted && h('span', { class: 'dim' }, ` by ${tool.accepted.by}, ${showTime(tool.accepted.at_ms)}`),
            ),
          ],
          tool.sandbox && [
            h('dt', null, 'Sandbox'),
            h('dd', null, tool.profile ? tool.sandbox : 'none: its program may do what your user may'),
          ],
        ),
        tool.profile && jsonView(tool.profile, { name: 'sandbox', open: 1 }),
      ),
      h(
        'div',
        null,
        section(
          'Arguments',
          schemaTable(tool.input_schema),
          jsonView(tool.input_schema, { name: 'input schema', open: 0 }),
        ),
        tool.output_schema &&
          section(
            'Output',
            schemaTable(tool.output_schema),
            jsonView(tool.output_schema, { name: 'output schema', open: 0 }),
          ),
        section(
          'Used in',
          h('p', null, h('a', { href: to(['executions'], { tool: tool.name }) }, 'Executions whose plan names it')),
        ),
      ),
    ),
  ];
}

function figure(name, value, look) {
  return h('div', { class: ['figure', look] }, h('span', { class: 'figure-name' }, name), h('strong', null, value));
}

/** The properties of an object's schema, a line each. */
function schemaTable(schema) {
  const properties = Object.entries(schema?.properties ?? {});
  if (properties.length === 0) return h('p', { class: 'dim' }, 'No properties are named.');
  const needed = new Set(schema.required ?? []);
  return h(
    'div',
    {
      class: 'table-scroll',
      tabIndex: 0,
      role: 'group',
      'aria-label': count(properties.length, 'property', 'properties'),
    },
    h(
      'table',
      { class: 'table properties' },
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          ['Name', 'Type', '', 'About'].map((name) =>
            h('th', { scope: 'col' }, name || h('span', { class: 'unseen' }, 'Needed')),
          ),
        ),
      ),
      h(
        'tbody',
        null,
        properties.map(([name, inner]) =>
          h(
            'tr',
            null,
            h('td', { class: 'mono' }, name),
            h('td', { class: 'dim' }, typeOf(schema, inner)),
            h(
              'td',
              null,
              needed.has(name)
                ? h('strong', null, 'needed')
                : inner?.default != null
                  ? h('span', { class: 'dim' }, 'without it ', h('code', null, JSON.stringify(inner.default)))
                  : h('span', { class: 'dim' }, 'optional'),
            ),
            h('td', { class: 'cell-about' }, prose(inner?.description)),
          ),
        ),
      ),
    ),
  );
}

function typeOf(schema, inner) {
  const found = inner?.$ref?.startsWith('#/')
    ? inner.$ref
        .slice(2)
        .split('/')
        .reduce((at, key) => at?.[key], schema)
    : inner;
  if (found?.enum) return found.enum.map((value) => JSON.stringify(value)).join(' | ');
  const choices = found?.anyOf ?? found?.oneOf ?? found?.allOf;
  if (choices)
    return [...new Set(choices.map((choice) => typeOf(schema, choice)).filter((type) => type !== 'null'))].join(' | ');
  if (Array.isArray(found?.type)) return found.type.filter((type) => type !== 'null').join(' | ');
  const kind = kindOf(found ?? {});
  return kind === 'array' ? 'list' : kind;
}
