// One step, with all that is known of it: its attempts with arguments, outputs and errors, what policy said and the rule
// behind it, and how the plan writes it.

import { get, path, query } from './api.js';
import { factsWords, reasonsView, riskView, section } from './decision-view.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { jsonView, labelChips } from './json-view.js';
import { codeLink, prose } from './problem-view.js';
import { to } from './router.js';
import { chip, sign, stateBadge } from './states.js';
import { brief, count, short, words } from './text.js';
import { showAge, showClock, showDuration, wholeTime } from './time.js';

/** Items of a `for_each` that are shown as squares. */
const MOST_SQUARES = 400;

/** Reads a step. */
export function readStep(id, step, { item, at, signal }) {
  return get(path`/v1/executions/${id}/steps/${step}` + query({ item, at }), { signal });
}

/**
 * The panel. `told` is what the server says of the step, `step` its row in the execution; `acts` the buttons that its
 * state allows.
 */
export function stepDetail({ told, node, item, acts, onClose, onItem, children }) {
  const { step, definition = {}, attempts = [], assessment } = told;
  // With the arguments at hand more is known than the plan alone said.
  const facts = attempts.at(-1)?.facts ?? assessment;
  return h(
    'div',
    { class: 'detail' },
    h(
      'header',
      { class: 'detail-head' },
      h(
        'div',
        { class: 'detail-title' },
        sign(step.state),
        h('h2', { class: 'mono' }, step.id),
        item != null && h('span', { class: 'chip look-dim' }, `item ${item}`),
      ),
      h(
        'button',
        {
          type: 'button',
          class: 'icon-button',
          title: 'Close (esc)',
          'aria-label': 'Close the step',
          onclick: onClose,
        },
        icon('close'),
      ),
    ),
    h(
      'div',
      { class: 'detail-body' },
      h(
        'p',
        { class: 'detail-line' },
        stateBadge(step.state),
        h('a', { class: 'mono', href: to(['tools', step.tool]) }, step.tool),
        facts && [chip(facts.effect), h('span', { class: 'dim' }, factsWords(facts))],
      ),
      definition.description && h('p', { class: 'dim' }, definition.description),
      why(step),
      acts?.length > 0 && h('div', { class: 'row' }, acts),
      children.length > 0 &&
        section(
          'Runs as',
          h(
            'ul',
            { class: 'plain' },
            children.map((child) =>
              h(
                'li',
                null,
                h('a', { class: 'mono', href: to(['executions', child.execution_id]) }, child.execution_id),
                child.item != null && ` for item ${child.item}`,
              ),
            ),
          ),
        ),
      step.items && itemsView(step, item, onItem),
      told.refusals?.length > 0 && section('Refused', h('ul', { class: 'plain' }, told.refusals.map(refusalView))),
      section(
        'Attempts',
        attempts.length === 0
          ? h('p', { class: 'dim' }, 'None yet.')
          : attempts.map((attempt, i) => attemptView(attempt, step, i === attempts.length - 1)),
      ),
      told.resolutions?.length > 0 &&
        section('Resolved', h('ul', { class: 'plain' }, told.resolutions.map(resolutionView))),
      section('Policy', policyView(told)),
      section('In the plan', jsonView(definition, { name: 'definition', open: 1 })),
      node && nodeLine(node),
    ),
  );
}

const SKIPPED = {
  if: 'its `if` is false',
  need: 'a step that it needs did not complete',
  finished: 'the agent finished before it',
};

function why(step) {
  if (step.state === 'in_doubt') {
    return h(
      'div',
      { class: 'callout look-doubt' },
      sign('in_doubt'),
      h(
        'div',
        { class: 'callout-text' },
        h('p', { class: 'callout-title' }, 'It was called, and nobody knows whether its effect happened.'),
        h(
          'p',
          null,
          'Find out where the effect would be seen, then say so. Nothing that depends on it goes on before that.',
        ),
      ),
    );
  }
  if (step.skipped) return h('p', { class: 'dim' }, prose(`skipped: ${SKIPPED[step.skipped] ?? step.skipped}`));
  if (step.carried) return h('p', { class: 'dim' }, 'Done by the execution before; its output was taken over.');
  if (step.error) return faultView(step.error);
  return null;
}

/** An error, with what led to it. */
export function faultView(fault, { details = false, before = '' } = {}) {
  if (!fault) return null;
  return h(
    'div',
    { class: 'fault' },
    h(
      'p',
      null,
      before && h('span', { class: 'dim' }, before),
      codeLink(fault.code),
      fault.step && h('span', { class: 'dim' }, ' at ', h('code', null, fault.step)),
      ' ',
      h('span', { class: 'fault-message' }, prose(fault.message)),
    ),
    details && fault.details && jsonView(fault.details, { name: `details of ${fault.code}`, open: 1 }),
    fault.cause && faultView(fault.cause, { details, before: 'because of ' }),
  );
}

function itemsView(step, chosen, onItem) {
  const items = step.items;
  const settled = items.filter(({ state }) => !['pending', 'running', 'waiting', 'in_doubt'].includes(state)).length;
  const squares = items.slice(0, MOST_SQUARES);
  return section(
    `Items: ${settled} of ${items.length}`,
    h(
      'div',
      { class: 'squares' },
      h(
        'button',
        { type: 'button', class: ['button is-small', chosen == null && 'is-on'], onclick: () => onItem(null) },
        'All',
      ),
      squares.map(({ index, state, error }) =>
        h(
          'button',
          {
            type: 'button',
            class: ['square', chosen === index && 'is-on'],
            title: `item ${index}: ${words(state)}${error ? `, ${error.code}` : ''}`,
            'aria-label': `item ${index}, ${words(state)}`,
            'aria-pressed': String(chosen === index),
            onclick: () => onItem(index),
          },
          sign(state),
        ),
      ),
      items.length > MOST_SQUARES && h('span', { class: 'dim' }, `and ${items.length - MOST_SQUARES} more`),
    ),
  );
}

function attemptView(attempt, step, last) {
  const took = attempt.end_ms == null ? null : attempt.end_ms - attempt.start_ms;
  const state =
    { completed: 'completed', failed: 'failed', interrupted: 'cancelled', in_doubt: 'in_doubt', blocked: 'blocked' }[
      attempt.outcome
    ] ?? 'running';
  const name = [
    attempt.purpose === 'compensate' && 'undo',
    `attempt ${attempt.attempt}`,
    attempt.item != null && `item ${attempt.item}`,
  ]
    .filter(Boolean)
    .join(', ');
  const labels = step.labels ?? {};
  return h(
    'details',
    { class: 'attempt', key: `${attempt.purpose}${attempt.item}-${attempt.attempt}`, open: last },
    h(
      'summary',
      null,
      sign(state),
      h('span', null, name),
      h('span', { class: 'dim' }, attempt.outcome ? words(attempt.outcome) : 'runs'),
      h(
        'span',
        { class: 'attempt-time dim mono', title: wholeTime(attempt.start_ms) },
        took == null ? showAge(attempt.start_ms) : showDuration(took),
      ),
    ),
    h(
      'div',
      { class: 'attempt-body' },
      attempt.error && faultView(attempt.error, { details: true }),
      // Of the whole call, or of each argument.
      h('h4', null, 'Arguments', labelChips(labels.args)),
      jsonView(attempt.args ?? null, {
        name: `arguments of ${name}`,
        labels: Array.isArray(labels.args) ? {} : labels.args,
      }),
      attempt.outcome === 'completed' && [
        h('h4', null, 'Output', labelChips(labels.output)),
        jsonView(attempt.output ?? null, { name: `output of ${name}` }),
      ],
      h(
        'dl',
        { class: 'facts small' },
        h('dt', null, 'Began'),
        h(
          'dd',
          { class: 'mono' },
          showClock(attempt.start_ms),
          attempt.start_seq && h('span', { class: 'dim' }, ` event ${attempt.start_seq}`),
        ),
        attempt.end_ms != null && [
          h('dt', null, 'Ended'),
          h(
            'dd',
            { class: 'mono' },
            showClock(attempt.end_ms),
            attempt.end_seq && h('span', { class: 'dim' }, ` event ${attempt.end_seq}`),
          ),
        ],
        attempt.facts && [
          h('dt', null, 'Effect'),
          h('dd', null, `${attempt.facts.effect}, ${factsWords(attempt.facts)}`),
        ],
        digest('Arguments digest', attempt.args_digest),
        digest('Permit', attempt.permit_digest),
        digest('Idempotency key', attempt.idempotency_key),
        attempt.sandbox && [h('dt', null, 'Sandbox'), h('dd', null, attempt.sandbox)],
      ),
    ),
  );
}

function digest(name, value) {
  return value ? [h('dt', null, name), h('dd', { class: 'mono digest', title: value }, brief(value, 24), '…')] : null;
}

function policyView({ assessment, reasons }) {
  return [
    assessment && h('p', { class: 'detail-line' }, chip(assessment.outcome), riskView(assessment.risk)),
    reasonsView(reasons, {
      withStep: false,
      empty: assessment
        ? 'No rule names this step by itself: the decision about the plan covers it.'
        : 'Nothing was decided about this step.',
    }),
    assessment?.resources?.length > 0 &&
      h(
        'p',
        { class: 'small' },
        h('span', { class: 'dim' }, 'touches '),
        assessment.resources.map(({ value, operation }, i) => [
          i > 0 && ', ',
          h('code', null, short(value, 100)),
          operation && h('span', { class: 'dim' }, ` ${operation}`),
        ]),
      ),
    assessment?.tags?.length > 0 &&
      h(
        'p',
        null,
        assessment.tags.map((tag) => chip(tag, 'bad')),
      ),
  ];
}

function refusalView({ seq, code, message, rule }) {
  return h(
    'li',
    null,
    codeLink(code),
    ' ',
    prose(message),
    rule && [' ', h('a', { class: 'mono', href: to(['policy'], { rule }) }, rule)],
    h('span', { class: 'dim' }, ` event ${seq}`),
  );
}

function resolutionView({ by, resolution, channel, seq }) {
  const how = typeof resolution === 'string' ? resolution : (resolution?.how ?? '');
  const reason = resolution?.reason;
  return h(
    'li',
    null,
    h('strong', null, words(how)),
    ' by ',
    h('code', null, by),
    channel && [' over ', h('code', null, channel)],
    reason && [': ', reason],
    h('span', { class: 'dim' }, ` event ${seq}`),
  );
}

function nodeLine(node) {
  const parts = [
    node.of && `takes the place of ${node.of}`,
    node.kind === 'finally' && 'runs in the end, whatever the status',
  ].filter(Boolean);
  return parts.length > 0 && h('p', { class: 'dim small' }, prose(parts.join(', ')));
}

/** `3 of 12 items`, `attempt 2`, a time: what a step's node says of it. */
export function stepNote(step, now) {
  if (step.items?.length) {
    const settled = step.items.filter(
      ({ state }) => !['pending', 'running', 'waiting', 'in_doubt'].includes(state),
    ).length;
    return step.state === 'completed' ? count(step.items.length, 'item') : `${settled}/${step.items.length} items`;
  }
  if (step.attempts > 1 && step.state !== 'completed') return `attempt ${step.attempts}`;
  if (step.started_at_ms == null) return '';
  return showDuration((step.ended_at_ms ?? now) - step.started_at_ms);
}
