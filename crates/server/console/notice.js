// Short messages: shown for a while, and read out.

import { h } from './dom.js';
import { icon } from './icons.js';

const SHOWN_MS = 6_000;
let region = null;
let spoken = null;

/** The places for them; they have to be there before anything is said. */
export function notices() {
  region = h('div', { class: 'notices', role: 'status', 'aria-live': 'polite' });
  spoken = h('div', { class: 'unseen', 'aria-live': 'polite', 'aria-atomic': 'true' });
  return [region, spoken];
}

/** Shows a message for a while. */
export function notice(text, look = 'good') {
  const shown = h(
    'div',
    { class: ['notice', `look-${look}`] },
    icon(look === 'good' ? 'check' : 'warn'),
    h('span', null, text),
  );
  region?.append(shown);
  setTimeout(() => shown.remove(), SHOWN_MS);
}

/** Says something to those who listen: what changed by itself. */
export function announce(text) {
  if (!spoken || spoken.textContent === text) return;
  spoken.textContent = text;
}
