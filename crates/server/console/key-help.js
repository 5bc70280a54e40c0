// The list of keys.

import { show } from './dialog.js';
import { h } from './dom.js';
import { all } from './keys.js';

/** Shows what the keyboard does here. */
export function showKeys() {
  const { page, everywhere } = all();
  const part = (title, rows) =>
    rows.length > 0 &&
    h(
      'section',
      null,
      h('h3', null, title),
      h(
        'dl',
        { class: 'keys' },
        rows.map(({ key, about }) => [h('dt', null, keyCaps(key)), h('dd', null, about)]),
      ),
    );
  show({
    title: 'Keys',
    body: h('div', { class: 'key-help' }, part('On this page', page), part('Everywhere', everywhere)),
  });
}

const NAMES = { ' ': 'space', ArrowLeft: '←', ArrowRight: '→', Enter: 'enter', Escape: 'esc' };

function keyCaps(key) {
  const parts = key === ' ' ? [key] : key.split(' ');
  return parts.map((part) => h('kbd', null, NAMES[part] ?? part));
}
