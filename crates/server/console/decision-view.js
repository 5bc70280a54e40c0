// What policy says of a plan, and why: outcome, rules, risk, and where untrusted values go.

import { capped } from './capped.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { labelChips } from './json-view.js';
import { prose, ticks } from './problem-view.js';
import { to } from './router.js';
import { chip, lookOf } from './states.js';
import { brief, count, list, short, words } from './text.js';

const OUTCOMES = {
  allow: 'May run at once',
  require_approval: 'Needs approval',
  rate_limited: 'May not run now',
  deny: 'Denied',
};

/** The outcome in words, with its colour. */
export function outcomeView(outcome) {
  return h(
    'span',
    { class: ['outcome', `look-${lookOf(outcome)}`] },
    icon(outcome === 'allow' ? 'check' : outcome === 'require_approval' ? 'user' : 'close'),
    OUTCOMES[outcome] ?? words(outcome),
  );
}

/** Score and level, and what they come from. */
export function riskView(risk) {
  if (!risk) return null;
  return h(
    'div',
    { class: 'risk' },
    h(
      'span',
      { class: ['risk-meter', `look-${lookOf(risk.level)}`], role: 'img', 'aria-label': `risk ${risk.score} of 100` },
      h('i', { vars: { '--share': `${risk.score}%` } }),
    ),
    h('strong', { class: `look-${lookOf(risk.level)}` }, `${risk.level} ${risk.score}/100`),
    risk.factors?.length > 0 && h('span', { class: 'dim' }, ticks(risk.factors.join(', '))),
    risk.mitigations?.length > 0 && h('span', { class: 'dim' }, `lowered by: ${list(risk.mitigations.map(words))}`),
  );
}

/** Every rule that matched: what it says, of which step, and what it looked at. */
export function reasonsView(reasons, { empty = 'No rule matched.', withStep = true } = {}) {
  if (!reasons?.length) return h('p', { class: 'dim' }, empty);
  return capped(
    (rows) => h('ul', { class: 'reasons' }, rows),
    alike(reasons),
    (group) => reasonRow(group, withStep),
  );
}

/** A rule says the same of many steps: that is one entry. */
function alike(reasons) {
  const groups = new Map();
  for (const reason of reasons) {
    const { step, ...rest } = reason;
    const key = JSON.stringify(rest);
    if (!groups.has(key)) groups.set(key, { reason, steps: [] });
    if (step) groups.get(key).steps.push(step);
  }
  return [...groups.values()];
}

/** Steps that are named beside a rule. */
const MOST_NAMES = 8;

function reasonRow({ reason, steps }, withStep) {
  const inputs = Object.entries(reason.inputs ?? {});
  const left = steps.length - MOST_NAMES;
  return h(
    'li',
    { class: ['reason', `look-${lookOf(reason.outcome)}`] },
    h(
      'div',
      null,
      chip(reason.outcome),
      withStep &&
        steps.length > 0 &&
        h('code', { class: 'reason-step' }, steps.slice(0, MOST_NAMES).join(', '), left > 0 && ` and ${left} more`),
      h('span', null, prose(reason.message)),
    ),
    h(
      'div',
      { class: 'reason-rule' },
      'rule ',
      h('a', { href: to(['policy'], { rule: reason.rule }), class: 'mono' }, reason.rule),
      reason.severity && h('span', { class: 'dim' }, ` · ${reason.severity}`),
      inputs.length > 0 &&
        h(
          'span',
          { class: 'dim' },
          ' · saw ',
          inputs.map(([name, value], i) => [
            i > 0 && ', ',
            h('code', null, `${name} = ${short(JSON.stringify(value), 120)}`),
          ]),
        ),
    ),
  );
}

/** The ways by which untrusted values reach sensitive arguments and decisions. */
export function flowsView(flows) {
  if (!flows?.length)
    return h(
      'p',
      { class: 'dim' },
      'No untrusted value reaches a sensitive argument, or decides whether an effect happens.',
    );
  return h(
    'ul',
    { class: 'flows' },
    flows.map((flow) =>
      h(
        'li',
        null,
        chip(flow.code === 'UNTRUSTED_CONTROL' ? 'decides' : (flow.kind ?? 'argument'), flow.endorsed ? 'dim' : 'warn'),
        h(
          'span',
          { class: 'flow-path' },
          flow.path.map((place, i) => [
            i > 0 && h('span', { class: 'flow-arrow', 'aria-label': 'to' }, '→'),
            h('code', null, place),
          ]),
        ),
        flow.endorsed && h('span', { class: 'dim' }, ' a human is asked about exactly this value'),
        flow.any_host && h('span', { class: 'look-warn' }, ' to any host'),
        labelChips(flow.labels),
      ),
    ),
  );
}

/** How many calls it may make, and what its session has left. */
export function callsView(calls) {
  if (!calls) return null;
  const most = `at most ${count(calls.most, 'call')}`;
  if (calls.limit == null) return most;
  const left = Math.max(0, calls.limit - calls.counted - calls.reserved);
  return [
    most,
    `; the session has ${left} of ${calls.limit} left`,
    calls.most > left && h('span', { class: 'look-warn' }, '; it may have to wait'),
  ];
}

/** The whole of a decision: its head, the effects, why, and the flows. */
export function decisionView(decision, { effects } = {}) {
  return h(
    'div',
    { class: 'decision' },
    h(
      'div',
      { class: 'decision-head' },
      outcomeView(decision.outcome),
      decision.approvers?.length > 0 &&
        h('span', null, 'by ', h('strong', null, list(decision.approvers.map(approver)))),
      riskView(decision.risk),
    ),
    decision.calls && h('p', { class: 'dim' }, callsView(decision.calls)),
    section('Effects', effects ?? effectsTable(decision.steps)),
    section('Why', reasonsView(decision.reasons)),
    section('Where untrusted values go', flowsView(decision.flows)),
    h('p', { class: 'dim small' }, 'policy ', h('code', null, brief(decision.policy_version, 16))),
  );
}

/** Who may approve, in words. */
export function approver(who) {
  return typeof who === 'string' ? who : JSON.stringify(who);
}

/** A part of a page with its own heading. */
export function section(title, ...body) {
  return h('section', { class: 'part' }, h('h3', null, title), body);
}

const FACTS = {
  'read false': 'reads this machine only',
  'read true': 'reads what others control',
};

/** What a call does beside its effect. */
export function factsWords({ effect, idempotent, open_world: open }) {
  if (effect === 'read') return FACTS[`read ${Boolean(open)}`];
  return `${idempotent ? 'repeatable' : 'not repeatable'}${open ? ', reaches what others control' : ''}`;
}

/** One line for each call of a plan. */
export function effectsTable(steps) {
  if (!steps?.length) return h('p', { class: 'dim' }, 'No calls.');
  const head = ['Step', 'Effect', 'Tool', 'Risk', 'Policy', 'Touches'].map((name) => h('th', { scope: 'col' }, name));
  const table = (rows) =>
    h(
      'div',
      { class: 'table-scroll', tabIndex: 0, role: 'group', 'aria-label': 'Effects' },
      h('table', { class: 'table' }, h('thead', null, h('tr', null, head)), h('tbody', null, rows)),
    );
  return capped(table, steps, effectRow);
}

function effectRow(step) {
  return h(
    'tr',
    null,
    h('td', { class: 'mono' }, step.purpose === 'compensate' ? `undo ${step.step}` : step.step),
    h('td', null, chip(step.effect, undefined, factsWords(step))),
    h('td', { class: 'mono dim' }, step.tool),
    h('td', { class: ['nowrap', `look-${lookOf(step.risk.level)}`] }, `${step.risk.score} ${step.risk.level}`),
    h('td', null, chip(step.outcome)),
    h('td', null, touches(step)),
  );
}

function touches(step) {
  const known = step.resources.map(({ value }, i) => [i > 0 && ', ', h('code', null, short(value, 80))]);
  const tags = step.tags.map((tag) => chip(tag, 'bad'));
  const open = step.unknown_args.map((pointer) => pointer.replace(/^\//, ''));
  return [
    known,
    known.length > 0 && tags.length > 0 && ' ',
    tags,
    open.length > 0 && h('span', { class: 'dim' }, `${known.length ? ', ' : ''}${list(open)} known at run time`),
  ];
}
