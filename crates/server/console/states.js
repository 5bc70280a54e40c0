// How states look: a sign of its own shape, a colour, and the word. The shape alone tells them apart, for those who see no
// colours, and it is the same in tables, graph and timeline.

import { h, svg } from './dom.js';
import { words } from './text.js';

/** State or status → the colour's name, and the sign's lines on a grid of 16. `ring` is the shape around. */
const SIGNS = {
  pending: { look: 'dim', ring: 'dotted' },
  running: { look: 'busy', ring: 'arc', lines: 'M6.5 5.2v5.6l4.4-2.8z', filled: true },
  waiting: { look: 'warn', ring: 'plain', lines: 'M8 4.7V8l2.2 1.4' },
  in_doubt: { look: 'doubt', ring: 'diamond', lines: 'M6.6 6.5a1.5 1.5 0 1 1 2.1 1.4c-.5.2-.7.5-.7 1M8 10.8h.01' },
  completed: { look: 'good', ring: 'full', lines: 'M5 8.2l2.1 2.1L11 6' },
  success: { look: 'good', ring: 'full', lines: 'M5 8.2l2.1 2.1L11 6' },
  recovered: { look: 'good', ring: 'plain', lines: 'M5.2 8a2.8 2.8 0 1 1 .9 2M5 11v-1.4h1.5' },
  partial: { look: 'warn', ring: 'plain', lines: 'M8 2.5v11a5.5 5.5 0 0 0 0-11z', filled: true },
  failed: { look: 'bad', ring: 'full', lines: 'M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6' },
  failure: { look: 'bad', ring: 'full', lines: 'M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6' },
  blocked: { look: 'bad', ring: 'plain', lines: 'M4.1 4.1l7.8 7.8' },
  skipped: { look: 'dim', ring: 'plain', lines: 'M5.3 8h5.4' },
  cancelled: { look: 'dim', ring: 'plain', lines: 'M6 6h4v4H6z', filled: true },
  paused: { look: 'warn', ring: 'plain', lines: 'M6.5 5.5v5M9.5 5.5v5' },
  replanning: { look: 'busy', ring: 'arc', lines: 'M5.5 10.5v-2a1.5 1.5 0 0 1 1.5-1.5h3.5M9 5.5 10.5 7 9 8.5' },
  compensating: { look: 'busy', ring: 'arc', lines: 'M10.5 10.5v-2A1.5 1.5 0 0 0 9 7H5.5M7 5.5 5.5 7 7 8.5' },
};

/** The name of the colour of a state, a status, an outcome, a level or an effect. */
export function lookOf(word) {
  return SIGNS[word]?.look ?? LOOKS[word] ?? 'dim';
}

const LOOKS = {
  allow: 'good',
  require_approval: 'warn',
  rate_limited: 'bad',
  deny: 'bad',
  info: 'good',
  low: 'good',
  medium: 'warn',
  high: 'bad',
  critical: 'bad',
  read: 'dim',
  write: 'warn',
  network: 'warn',
  delete: 'bad',
  execute: 'bad',
  ok: 'good',
  fatal: 'bad',
  error: 'bad',
  open: 'warn',
  answered: 'good',
  expired: 'dim',
};

/** A state's sign. With a label where no word stands beside it. */
export function sign(state, label) {
  return svg(
    'svg',
    {
      class: ['sign', `look-${lookOf(state)}`, SIGNS[state]?.ring === 'arc' && 'turns'],
      viewBox: '0 0 16 16',
      focusable: 'false',
      ...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' }),
    },
    signParts(state),
  );
}

/** The parts of a sign, for the graph, which places them itself. */
export function signParts(state) {
  const sign = SIGNS[state] ?? SIGNS.pending;
  const parts = [ring(sign.ring)];
  if (sign.lines) parts.push(svg('path', { class: sign.filled ? 'sign-fill' : 'sign-line', d: sign.lines }));
  return parts;
}

function ring(kind) {
  if (kind === 'diamond') return svg('path', { class: 'sign-ring', d: 'M8 .9 15.1 8 8 15.1.9 8z' });
  if (kind === 'arc') return svg('path', { class: 'sign-ring sign-arc', d: 'M8 1.8a6.2 6.2 0 1 1-6.2 6.2' });
  return svg('circle', { class: ['sign-ring', kind !== 'plain' && `ring-${kind}`], cx: 8, cy: 8, r: 6.2 });
}

/** Sign and word of a state. */
export function stateBadge(state, text = words(state)) {
  return h('span', { class: ['state', `look-${lookOf(state)}`] }, sign(state), h('span', null, text));
}

/** What an execution is: its status once it has ended, what it waits for while it waits. */
export function executionBadge(row) {
  if (row.state === 'cancelled') return stateBadge('cancelled');
  if (row.status) return stateBadge(row.status);
  const kind = row.waiting_for?.kind;
  const words_ = row.state === 'waiting' && kind ? `waiting: ${words(kind)}` : words(row.state);
  return stateBadge(kind === 'in_doubt' && row.state === 'waiting' ? 'in_doubt' : row.state, words_);
}

/** A small word in a colour: outcome, effect, level. */
export function chip(word, look = lookOf(word), title) {
  return h('span', { class: ['chip', `look-${look}`], title }, words(word));
}
