// Lists that may be long, of which the first part is shown until somebody asks for the rest.

import { h } from './dom.js';

const FIRST = 60;

/** `whole(rows)` builds the list from its rows, `row(entry)` a row. */
export function capped(whole, entries, row) {
  if (entries.length <= FIRST) return whole(entries.map(row));
  const box = h('div', { class: 'capped', keep: `capped ${entries.length} ${JSON.stringify(entries[0]).length}` });
  const more = h('button', { type: 'button', class: 'link' }, `all ${entries.length.toLocaleString('en')}`);
  more.onclick = () => box.replaceChildren(whole(entries.map(row)));
  box.append(whole(entries.slice(0, FIRST).map(row)), more);
  return box;
}
