// One node of the graph: a step, or a piece of a large plan.

import { svg } from '../dom.js';
import { lookOf, signParts } from '../states.js';
import { short, words } from '../text.js';

export const NODE = { width: 224, height: 56 };
export const PIECE = { width: 224, height: 64 };

/** What stands in a node's corner, for what is special about its step. */
const MARKS = [
  {
    name: 'for_each',
    about: 'once per item',
    d: 'M9 1.5 11 3.5l-2 2M2 7V6a2 2 0 0 1 2-2h7M4 12.5l-2-2 2-2M11 7v1a2 2 0 0 1-2 2H2',
  },
  { name: 'nested', about: 'an execution of its own', d: 'M1.5 1.5h6.5v4.5H1.5zM6.5 8.5h5v4h-5zM4 6v4.5h2.5' },
  {
    name: 'confirm',
    about: 'a human is asked first',
    d: 'M6.5 1 11.5 2.8v3.5c0 3-2 4.9-5 6-3-1.1-5-3-5-6V2.8zM4.5 6.5l1.5 1.5 2.8-3',
  },
  { name: 'if', about: 'under a condition', d: 'M6.5 1.5 11.5 6.5l-5 5-5-5z' },
];

const GONE = new Set(['skipped', 'cancelled']);

/** Draws a step's node; `update(step)` shows where it is. */
export function stepNode(node, effect) {
  const sign = svg('g', { class: 'node-sign', transform: 'translate(12 11)' });
  const note = svg('text', { class: 'node-note', x: NODE.width - 12, y: 43, 'text-anchor': 'end' });
  const marks = MARKS.filter(({ name }) => node[name]);
  const element = svg(
    'g',
    { class: 'node', role: 'button', tabindex: -1, 'data-id': node.id },
    svg('rect', { class: 'node-box', width: NODE.width, height: NODE.height, rx: 8 }),
    sign,
    svg('text', { class: 'node-name', x: 36, y: 24 }, short(node.id, 23 - marks.length * 2)),
    ' ',
    svg('text', { class: 'node-tool', x: 12, y: 43 }, short(node.tool, effect ? 19 : 26)),
    ' ',
    marks.map((mark, i) =>
      svg(
        'g',
        { class: 'node-mark', transform: `translate(${NODE.width - 24 - i * 18} 9)` },
        svg('path', { d: mark.d }),
      ),
    ),
    note,
  );
  const update = (step) => {
    const state = step?.state ?? 'planned';
    const text = step?.note || (effect ? words(effect) : '');
    const key = `${state} ${text}`;
    if (element.$shown === key) return;
    element.$shown = key;
    element.setAttribute('class', `node look-${lookOf(state)} is-${state}`);
    // What is read begins with what is seen.
    const seen = [...element.querySelectorAll('text')].slice(0, 2).map((part) => part.textContent);
    element.setAttribute(
      'aria-label',
      [...seen, text].join(' ') +
        [state === 'planned' ? '' : words(state), ...marks.map(({ about }) => about)]
          .filter(Boolean)
          .map((word) => `, ${word}`)
          .join(''),
    );
    sign.replaceChildren(...(state === 'planned' ? [] : signParts(state)));
    note.textContent = text;
    // What will not be called has no effect any more.
    note.setAttribute('class', `node-note look-${step?.note || GONE.has(state) ? lookOf(state) : lookOf(effect)}`);
  };
  if (!effect) note.textContent = '';
  update(null);
  return { element, update: (states) => update(states.get(node.id)) };
}

/** The states in a piece's bar, from what is done to what is open. */
const BAR = [
  'completed',
  'recovered',
  'skipped',
  'cancelled',
  'running',
  'waiting',
  'in_doubt',
  'failed',
  'blocked',
  'pending',
];

/** Draws the node of a piece; `update(states)` shows where its steps are. */
export function pieceNode(piece) {
  const bar = svg('g', { class: 'piece-bar', transform: 'translate(12 44)' });
  const about = svg('text', { class: 'node-note', x: PIECE.width - 12, y: 22, 'text-anchor': 'end' });
  const element = svg(
    'g',
    { class: 'node is-piece', role: 'button', tabindex: -1, 'data-id': piece.id, 'aria-expanded': 'false' },
    svg('rect', { class: 'node-box node-behind', x: 5, y: 5, width: PIECE.width, height: PIECE.height, rx: 8 }),
    svg('rect', { class: 'node-box', width: PIECE.width, height: PIECE.height, rx: 8 }),
    svg('text', { class: 'node-name', x: 12, y: 22 }, short(piece.first, 17)),
    ' ',
    svg('text', { class: 'node-tool', x: 12, y: 37 }, `to ${short(piece.last, 26)}`),
    ' ',
    about,
    bar,
  );
  const update = (states) => {
    const counts = new Map();
    for (const { id } of piece.members) {
      const state = states.get(id)?.state ?? 'pending';
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    const key = [...counts].join();
    if (element.$shown === key) return;
    element.$shown = key;
    const width = PIECE.width - 24;
    let x = 0;
    const parts = BAR.filter((state) => counts.has(state)).map((state) => {
      const part = (counts.get(state) / piece.members.length) * width;
      const rect = svg('rect', {
        class: `look-${lookOf(state)} bar-${state}`,
        x: x.toFixed(1),
        width: Math.max(1, part - 1).toFixed(1),
        height: 8,
        rx: 2,
      });
      x += part;
      return rect;
    });
    bar.replaceChildren(...parts);
    about.textContent = `${piece.members.length} steps`;
    const told = [...counts].map(([state, many]) => `${many} ${words(state)}`).join(', ');
    const seen = [...element.querySelectorAll('text')].map((part) => part.textContent).join(' ');
    element.setAttribute('aria-label', `${seen}: ${told}; open them`);
  };
  return { element, update };
}
