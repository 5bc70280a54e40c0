// One event of the journal with all that it carries, and what binds it to the others.

import { section } from './decision-view.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { jsonView } from './json-view.js';
import { prose } from './problem-view.js';
import { words } from './text.js';
import { showClock, wholeTime } from './time.js';

/** The panel; `event` is null while it is read. `at` is the moment that is looked at. */
export function eventDetail(seq, event, { onClose, onTravel, at }) {
  return h(
    'div',
    { class: 'detail' },
    h(
      'header',
      { class: 'detail-head' },
      h('div', { class: 'detail-title' }, h('h2', null, event ? words(event.kind) : `event ${seq}`)),
      h(
        'button',
        {
          type: 'button',
          class: 'icon-button',
          title: 'Close (esc)',
          'aria-label': 'Close the event',
          onclick: onClose,
        },
        icon('close'),
      ),
    ),
    event
      ? h(
          'div',
          { class: 'detail-body' },
          event.summary && h('p', null, prose(event.summary)),
          h(
            'div',
            { class: 'row' },
            h(
              'button',
              { type: 'button', class: 'button', disabled: at === seq, onclick: onTravel },
              icon('time'),
              'How it was after this event',
            ),
          ),
          section('Carries', jsonView(event.data, { name: `event ${seq}`, open: 2 })),
          section(
            'Chain',
            h(
              'dl',
              { class: 'facts' },
              row('Event', `${seq}`),
              h('dt', null, 'Time'),
              h('dd', { title: wholeTime(event.at_ms) }, showClock(event.at_ms)),
              row('Hash', event.hash),
              row('Before it', event.prev_hash),
              row('Commit', event.commit == null ? 'not yet' : `#${event.commit}`),
            ),
          ),
        )
      : h('p', { class: 'dim pad' }, 'Reading…'),
  );
}

function row(name, value) {
  return [h('dt', null, name), h('dd', { class: 'mono digest' }, value ?? '–')];
}
