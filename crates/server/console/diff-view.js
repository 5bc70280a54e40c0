// What a revision changes: steps by name, and the text line by line.

import { h } from './dom.js';
import { list } from './text.js';

/** `diff`: `{against, text, steps: {added, removed, changed: [{id, fields}]}}`. */
export function diffView(diff) {
  const { added = [], removed = [], changed = [] } = diff.steps ?? {};
  return h(
    'div',
    { class: 'diff' },
    h('p', { class: 'dim' }, `Against ${diff.against}`),
    (added.length > 0 || removed.length > 0 || changed.length > 0) &&
      h(
        'ul',
        { class: 'plain' },
        added.map((id) => h('li', { class: 'look-good' }, '+ ', h('code', null, id))),
        removed.map((id) => h('li', { class: 'look-bad' }, '− ', h('code', null, id))),
        changed.map(({ id, fields }) =>
          h(
            'li',
            { class: 'look-warn' },
            '~ ',
            h('code', null, id),
            fields?.length > 0 && h('span', { class: 'dim' }, ` ${list(fields)}`),
          ),
        ),
      ),
    diff.text && diffText(diff.text),
  );
}

/** A unified diff. */
export function diffText(text) {
  const lines = text.split('\n');
  return h(
    'pre',
    { class: 'diff-text', tabIndex: 0, role: 'group', 'aria-label': 'Changes, line by line' },
    lines.map((line) => h('span', { class: lookOf(line) }, line, '\n')),
  );
}

function lookOf(line) {
  if (/^(\+\+\+|---|@@)/.test(line)) return 'diff-head';
  if (line.startsWith('+')) return 'diff-added';
  if (line.startsWith('-')) return 'diff-removed';
  return 'diff-same';
}
