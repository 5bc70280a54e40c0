// A JSON value as a tree that opens and closes. What is closed is not built, and long lists and texts come in parts, so
// that an output of megabytes is shown at once.

import { h, render } from './dom.js';
import { icon } from './icons.js';
import { notice } from './notice.js';
import { bytes, short } from './text.js';

/** Entries, and characters of a text, that are shown at first and with each press. */
const PART = 100;
const TEXT_PART = 4_000;
/** Lists and objects up to this many entries stand open at first. */
const OPEN_UP_TO = 12;

/**
 * `labels`: JSON pointer → where the value comes from. `name` tells two views on one page apart, and `value` when it is
 * another one.
 */
export function jsonView(value, { labels = {}, name = 'value', open = 2 } = {}) {
  const text = JSON.stringify(value);
  const view = h('div', { class: 'json', keep: `${name}:${text?.length}:${hash(text)}` });
  render(
    view,
    h(
      'button',
      {
        type: 'button',
        class: 'icon-button json-copy',
        title: 'Copy',
        'aria-label': `Copy ${name}`,
        onclick: () => copy(value),
      },
      icon('copy'),
    ),
    whole(value, { pointer: '', labels, open }),
  );
  return view;
}

/** Of an object that stands open, its entries alone. */
function whole(value, at) {
  const size = value !== null && typeof value === 'object' ? Object.keys(value).length : 0;
  if (at.open <= 0 || size === 0 || size > PART || Array.isArray(value)) return entry(null, value, at);
  const inner = h('div', { class: 'json-whole' });
  part(inner, Object.entries(value), 0, at);
  return inner;
}

/** Tells values apart; nothing hangs on it. */
function hash(text = '') {
  let sum = 0;
  for (let i = 0; i < text.length; i += 1 + (text.length >> 12)) sum = (sum * 31 + text.charCodeAt(i)) | 0;
  return sum;
}

async function copy(value) {
  try {
    await navigator.clipboard.writeText(typeof value === 'string' ? value : JSON.stringify(value, null, 2));
    notice('Copied.');
  } catch {
    notice('The browser does not let pages copy here.', 'warn');
  }
}

function entry(key, value, at) {
  const labels = labelChips(at.labels[at.pointer]);
  if (value === null || typeof value !== 'object' || Object.keys(value).length === 0) {
    return h('div', { class: 'json-row' }, keyView(key), leaf(value), labels);
  }
  const size = Object.keys(value).length;
  const isOpen = at.open > 0 && size <= (key === null ? PART : OPEN_UP_TO);
  const inner = h('div', { class: 'json-inner' });
  const fill = () => {
    if (!inner.firstChild) part(inner, Object.entries(value), 0, at);
  };
  if (isOpen) fill();
  const about = Array.isArray(value) ? `[ ${size} ]` : `{ ${short(Object.keys(value).join(', '), 60)} }`;
  return h(
    'details',
    { class: 'json-node', open: isOpen, ontoggle: (event) => event.target.open && fill() },
    h('summary', null, keyView(key), h('span', { class: 'json-about' }, about), labels),
    inner,
  );
}

function part(inner, entries, from, at) {
  const until = Math.min(entries.length, from + PART);
  for (const [key, value] of entries.slice(from, until)) {
    const pointer = `${at.pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    inner.append(entry(key, value, { ...at, pointer, open: at.open - 1 }));
  }
  if (until === entries.length) return;
  const more = h(
    'button',
    { type: 'button', class: 'link' },
    `${Math.min(PART, entries.length - until)} more of ${entries.length - until}`,
  );
  more.onclick = () => {
    more.remove();
    part(inner, entries, until, at);
  };
  inner.append(more);
}

function keyView(key) {
  return key === null ? null : h('span', { class: 'json-key' }, key, h('span', { class: 'json-colon' }, ':'));
}

function leaf(value) {
  if (typeof value === 'string') return textLeaf(value);
  if (value === null) return h('span', { class: 'json-null' }, 'null');
  if (typeof value === 'object') return h('span', { class: 'json-about' }, Array.isArray(value) ? '[ ]' : '{ }');
  return h('span', { class: `json-${typeof value}` }, String(value));
}

function textLeaf(text) {
  if (text.length <= 160 && !text.includes('\n'))
    return h('span', { class: 'json-string' }, JSON.stringify(text).replaceAll('\\\\', '\\').replaceAll('\\"', '"'));
  const block = h(
    'span',
    { class: 'json-string json-block', tabIndex: 0, role: 'group', 'aria-label': 'Text' },
    text.slice(0, TEXT_PART),
  );
  if (text.length <= TEXT_PART) return block;
  const rest = h('button', { type: 'button', class: 'link' }, `the rest of ${bytes(text.length)}`);
  rest.onclick = () => {
    rest.remove();
    render(block, text);
  };
  return h('span', { class: 'json-long' }, block, rest);
}

/** Where a value comes from; of what stands in the plan, nothing is said. */
export function labelChips(labels) {
  const all = (Array.isArray(labels) ? labels : []).filter((label) => label !== 'plan');
  if (all.length === 0) return null;
  return h(
    'span',
    { class: 'labels' },
    all.map((label) =>
      h(
        'span',
        { class: ['label-chip', label === 'untrusted' && 'is-untrusted'], title: 'where the value comes from' },
        label,
      ),
    ),
  );
}
