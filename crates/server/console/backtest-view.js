// What a policy would have decided otherwise.

import { h } from './dom.js';
import { prose } from './problem-view.js';
import { to } from './router.js';
import { chip } from './states.js';
import { brief, count, list, words } from './text.js';

/** How a decision turned, gravest first. */
const TURNS = [
  ['newly_denied', 'Newly denied', 'bad'],
  ['newly_rate_limited', 'Newly rate limited', 'bad'],
  ['newly_needs_approval', 'Newly asking', 'warn'],
  ['other_approvers', 'Other approvers', 'warn'],
  ['newly_allowed', 'Newly allowed', 'good'],
];

/** The report. */
export function backtestView(report) {
  const { counts = {}, groups = [], never_matched: never = [], skipped = [] } = report;
  const looked = [
    count(counts.executions ?? 0, 'execution'),
    count(counts.calls ?? 0, 'call'),
    count(counts.refused_plans ?? 0, 'refused plan'),
    count(counts.sessions ?? 0, 'session'),
  ];
  return h(
    'div',
    { class: 'backtest', 'aria-live': 'polite' },
    h(
      'p',
      { class: 'dim' },
      `Looked at ${list(looked)}.`,
      counts.not_reached > 0 &&
        ` ${count(counts.not_reached, 'call')} not reached, because their execution is stopped before.`,
    ),
    h(
      'div',
      { class: 'turns' },
      TURNS.map(([turn, label, look]) => turnCount(turn, label, look, report)),
    ),
    groups.length === 0 && h('p', null, 'Nothing would have been decided otherwise.'),
    TURNS.map(([turn, label, look]) => {
      const of = groups.filter((group) => group.turned === turn);
      return (
        of.length > 0 &&
        h(
          'section',
          { class: 'part' },
          h('h4', { class: `look-${look}` }, label),
          h('ul', { class: 'plain groups' }, of.map(groupRow)),
        )
      );
    }),
    h(
      'section',
      { class: 'part' },
      h('h4', null, 'Rules that matched nothing'),
      never.length > 0
        ? h(
            'ul',
            { class: 'plain' },
            never.map((rule) => h('li', null, h('code', null, rule))),
          )
        : h('p', { class: 'dim' }, 'None.'),
    ),
    skipped.length > 0 &&
      h(
        'section',
        { class: 'part' },
        h('h4', null, 'Could not be judged'),
        h(
          'ul',
          { class: 'plain' },
          skipped.map((text) => h('li', null, prose(text))),
        ),
      ),
  );
}

function turnCount(turn, label, look, { totals = {}, groups = [] }) {
  const sum =
    totals[turn] ?? groups.filter((group) => group.turned === turn).reduce((all, group) => all + group.count, 0);
  return h(
    'div',
    { class: ['turn', sum > 0 && `look-${look}`] },
    h('strong', null, sum.toLocaleString('en')),
    h('span', null, label),
  );
}

function groupRow(group) {
  const what =
    group.what === 'call'
      ? ['call of ', h('code', null, group.tool), ' in ', list(group.steps)]
      : [words(group.what), group.steps?.length > 0 && ` for ${list(group.steps)}`];
  return h(
    'li',
    null,
    h(
      'div',
      null,
      h('strong', null, `${group.count}×`),
      ' ',
      group.plan,
      ': ',
      what,
      ' ',
      chip(group.from),
      ' → ',
      chip(group.to),
    ),
    group.rules?.length > 0 &&
      h('div', { class: 'dim' }, h('code', null, list(group.rules)), group.message && `: ${group.message}`),
    group.example &&
      h(
        'div',
        null,
        h('a', { class: 'mono small', href: to(['executions', group.example]) }, brief(group.example, 13)),
      ),
  );
}
