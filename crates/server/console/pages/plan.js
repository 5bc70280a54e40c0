// One plan: as a graph, as it is written, and what would come of it with other inputs.

import { get, path, query } from '../api.js';
import { section } from '../decision-view.js';
import { h, host, oncePerFrame, render } from '../dom.js';
import { GraphView } from '../graph/view.js';
import { jsonView } from '../json-view.js';
import { to } from '../router.js';
import { executionBadge } from '../states.js';
import { SubmitForm } from '../submit-form.js';
import { brief, count, list, short } from '../text.js';
import { showAge } from '../time.js';

/** Shows the page. */
export async function open({ root, segments, signal, crumbs }) {
  const hash = segments[1];
  const [plan, runs] = await Promise.all([
    get(path`/v1/plans/${hash}`, { signal }),
    get(`/v1/executions${query({ plan: hash, limit: 10 })}`, { signal }),
  ]);
  const { plan: document } = plan;
  crumbs([{ text: 'Plans', href: '#/plans' }, { text: brief(hash) }], document.name);
  const page = { step: null };
  const paint = oncePerFrame(() => !signal.aborted && show());
  const graph = new GraphView({ onSelect: (step) => ((page.step = step), graph.select(step), paint()) });
  const effects = new Map();
  graph.setGraph(plan.graph, effects);
  const form = new SubmitForm({ source: () => ({ plan_hash: plan.plan_hash }), paint, signal });
  form.setInputs(document.inputs);
  function show() {
    const step = page.step && everyStep(document).find(({ id }) => id === page.step);
    render(
      root,
      h(
        'header',
        { class: 'execution-head' },
        h('div', { class: 'execution-title' }, h('h2', null, document.name)),
        document.description && h('p', { class: 'dim' }, document.description),
        h(
          'p',
          { class: 'dots execution-facts' },
          h(
            'span',
            null,
            h('span', { class: 'dim' }, 'plan '),
            h('code', { title: plan.plan_hash }, brief(plan.plan_hash, 16)),
          ),
          h('span', null, count(plan.graph.nodes.length, 'step')),
          h('span', null, `at most ${count(plan.max_tool_calls, 'call')}`),
          h('span', null, `tools ${list(plan.tools)}`),
        ),
      ),
      h(
        'div',
        { class: 'workbench' },
        h(
          'section',
          { class: 'workbench-text', 'aria-label': 'The plan' },
          h('div', { class: 'graph-middle' }, host(graph.element)),
          step && section(`Step ${step.id}`, jsonView(step, { name: `step ${step.id}` })),
          section('As it is written', jsonView(document, { name: 'plan', open: 1 })),
        ),
        h(
          'section',
          { class: 'workbench-side', 'aria-label': 'Running it' },
          document.request && section('Asked for with', h('p', null, document.request)),
          document.reasoning && section('Planned so because', h('p', null, document.reasoning)),
          form.view(true),
          runs.executions.length > 0 &&
            section(
              'Its executions',
              h(
                'ul',
                { class: 'plain runs' },
                runs.executions.map((row) =>
                  h(
                    'li',
                    null,
                    executionBadge(row),
                    h('a', { class: 'mono', href: to(['executions', row.execution_id]) }, short(row.execution_id, 14)),
                    h('span', { class: 'dim' }, showAge(row.created_at_ms)),
                  ),
                ),
              ),
            ),
        ),
      ),
    );
  }
  show();
}

function everyStep(document) {
  const steps = [...(document.steps ?? []), ...(document.finally ?? [])];
  return steps.flatMap((step) => [step, ...fallbackOf(step)]);
}

function fallbackOf({ on_failure: failure }) {
  const actions = Array.isArray(failure) ? failure.map((one) => one.do) : [failure];
  return actions.flatMap((action) => action?.fallback ?? []);
}
