// The head of an execution's page: what it is, where it is, what it waits for or how it ended, and what can be done. And
// what went in and came out.

import { decisionView, section } from './decision-view.js';
import { h } from './dom.js';
import { executionActs, hasEnded } from './execution-acts.js';
import { icon } from './icons.js';
import { jsonView } from './json-view.js';
import { problemView, prose } from './problem-view.js';
import { to } from './router.js';
import { executionBadge, sign } from './states.js';
import { faultView } from './step-detail.js';
import { brief, count, list, words } from './text.js';
import { showAge, showDue, showDuration, showTime, wholeTime } from './time.js';
import { waitingBox } from './waiting.js';

/** The head. `past` is the moment that is looked at instead of now. */
export function executionHead(execution, { past, decision, onDone }) {
  const shown = past ?? execution;
  return h(
    'header',
    { class: 'execution-head' },
    h(
      'div',
      { class: 'execution-title' },
      executionBadge({ ...shown, waiting_for: shown.waiting_for }),
      h('h2', null, execution.name),
      past && h('span', { class: 'chip look-warn' }, 'as it was'),
      h('div', { class: 'row execution-acts' }, past ? null : executionActs(execution, onDone)),
    ),
    h(
      'p',
      { class: 'dots execution-facts' },
      fact('Execution', h('code', { title: execution.execution_id }, brief(execution.execution_id, 13))),
      fact('by', h('code', null, execution.principal)),
      fact(
        'plan',
        h(
          'a',
          { class: 'mono', href: to(['plans', execution.plan_hash]), title: execution.plan_hash },
          brief(execution.plan_hash),
        ),
        execution.revision > 1 && ` revision ${execution.revision}`,
      ),
      h('span', { title: wholeTime(execution.created_at_ms) }, showAge(execution.created_at_ms)),
      hasEnded(execution) &&
        h('span', null, `took ${showDuration(execution.finished_at_ms - execution.created_at_ms)}`),
      h('span', null, progress(shown)),
      execution.deadline_ms &&
        h(
          'span',
          { title: wholeTime(execution.deadline_ms) },
          `deadline ${hasEnded(execution) ? showTime(execution.deadline_ms) : showDue(execution.deadline_ms)}`,
        ),
      decision && h('span', null, 'risk ', decision.risk.level),
      execution.parent &&
        h(
          'span',
          null,
          'runs as ',
          h(
            'a',
            { class: 'mono', href: to(['executions', execution.parent.execution_id], { step: execution.parent.step }) },
            execution.parent.step,
          ),
          ' of another',
        ),
      execution.rerun_of &&
        h(
          'span',
          null,
          'rerun of ',
          h('a', { class: 'mono', href: to(['executions', execution.rerun_of]) }, brief(execution.rerun_of, 13)),
        ),
    ),
    shown.waiting_for && waitingBox(shown.waiting_for, shown.requests, past ? undefined : Date.now()),
    ending(shown),
  );
}

function fact(name, ...value) {
  return h('span', null, h('span', { class: 'dim' }, name, ' '), value);
}

function progress(execution) {
  const counts = new Map();
  for (const { state } of execution.steps) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [...counts].filter(([state]) => state !== 'pending').map(([state, many]) => `${many} ${words(state)}`);
  return `${count(execution.steps.length, 'step')}${parts.length ? `: ${parts.join(', ')}` : ''}`;
}

function ending(execution) {
  const { error, recovered = [], compensations = [], warnings = [] } = execution;
  const undone = compensations.filter(({ state }) => state === 'completed').map(place);
  const left = compensations.filter(({ state }) => state !== 'completed');
  const parts = [
    error &&
      h(
        'div',
        {
          class: `callout look-${execution.status === 'partial' ? 'warn' : 'bad'}`,
          role: 'group',
          'aria-label': 'How it ended',
        },
        sign(execution.status === 'partial' ? 'partial' : 'failed'),
        h('div', { class: 'callout-text' }, faultView(error)),
      ),
    recovered.length > 0 &&
      note('recovered', [h('strong', null, list(recovered)), ' failed, and its fallback took its place.']),
    undone.length > 0 && note('completed', ['Undone: ', h('strong', null, list(undone)), '.']),
    left.length > 0 &&
      note('failed', [
        'Not undone: ',
        left.map((undo, i) => [
          i > 0 && '; ',
          h('strong', null, place(undo)),
          undo.error ? `, ${undo.error.code}: ${undo.error.message}` : `, ${words(undo.state)}`,
        ]),
        '.',
      ]),
    warnings.map((warning) => note('waiting', [prose(warning)])),
  ].flat();
  return parts.some(Boolean) ? h('div', { class: 'endings' }, parts) : null;
}

function place({ step, item }) {
  return item == null ? step : `${step}[${item}]`;
}

function note(state, text) {
  return h('p', { class: 'note' }, sign(state), h('span', null, text));
}

/** What went in, what came out, what was decided, and by which digests it is known. */
export function aboutTab(execution, { decision, problem, plan }) {
  const outputs = execution.outputs ?? {};
  return h(
    'div',
    { class: 'about' },
    section(
      'Result',
      Object.keys(outputs).length > 0
        ? jsonView(outputs, { name: 'outputs' })
        : h('p', { class: 'dim' }, execution.status ? 'No outputs.' : 'It has not ended.'),
    ),
    section(
      'Inputs',
      Object.keys(execution.inputs ?? {}).length > 0
        ? jsonView(execution.inputs, { name: 'inputs' })
        : h('p', { class: 'dim' }, 'None.'),
    ),
    section(
      'What policy said',
      decision ? decisionView(decision) : problem ? problemView(problem) : h('p', { class: 'dim' }, 'Reading…'),
    ),
    section(
      'Known by',
      h(
        'dl',
        { class: 'facts' },
        row('Execution', execution.execution_id),
        row('Plan', execution.plan_hash),
        decision && row('What was decided about', decision.subject),
        decision && row('Policy', decision.policy_version),
        execution.session && row('Session', execution.session),
        execution.head && row('Head of the journal', `${execution.head.number}:${execution.head.hash}`),
      ),
    ),
    section(
      'Plan',
      h('p', null, h('a', { href: to(['plans', execution.plan_hash]) }, icon('plans'), ' Open the plan')),
      jsonView(plan.plan, { name: 'plan', open: 1 }),
    ),
  );
}

function row(name, value) {
  return [h('dt', null, name), h('dd', { class: 'mono digest' }, value)];
}
