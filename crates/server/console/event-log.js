// The journal of an execution, row by row, with the marks of the chain that binds them.

import { get, path, query } from './api.js';
import { h, host, render } from './dom.js';
import { icon } from './icons.js';
import { ticks } from './problem-view.js';
import { brief, words } from './text.js';
import { showClock, wholeTime } from './time.js';
import { Windowed } from './windowed.js';

const PAGE = 1_000;

/** Kinds of events that are set apart by colour. */
const LOOKS = {
  step_completed: 'good',
  execution_started: 'good',
  compensation_completed: 'good',
  step_failed: 'bad',
  step_blocked: 'bad',
  call_refused: 'bad',
  compensation_failed: 'bad',
  step_in_doubt: 'doubt',
  retry_scheduled: 'warn',
  request_opened: 'warn',
  request_expired: 'warn',
  attempt_interrupted: 'warn',
  cancel_requested: 'warn',
  execution_paused: 'warn',
  step_held: 'warn',
  execution_created: 'strong',
  execution_finished: 'strong',
  request_answered: 'strong',
};

/** The colour of a kind of event. */
export function lookOfEvent(kind) {
  return LOOKS[kind] ?? 'plain';
}

/** The events of an execution, read a thousand at a time, without what they carry. */
export class Events {
  constructor(id) {
    this.id = id;
    this.all = [];
    this.reading = null;
  }

  /** Reads what is not there yet; several calls are one. */
  async more(signal) {
    this.reading ??= this.#read(signal).finally(() => (this.reading = null));
    return this.reading;
  }

  async #read(signal) {
    for (;;) {
      const after = this.all.at(-1)?.seq ?? 0;
      const page = await get(path`/v1/executions/${this.id}/events` + query({ after, limit: PAGE, data: 'false' }), {
        signal,
      });
      for (const event of page.events) if (event.seq > (this.all.at(-1)?.seq ?? 0)) this.all.push(event);
      if (page.events.length === 0 || page.next_after == null) return;
    }
  }

  /** The event with this number. */
  at(seq) {
    const guess = this.all[seq - 1];
    return guess?.seq === seq ? guess : this.all.find((event) => event.seq === seq);
  }

  /** One event with all that it carries. */
  async whole(seq, signal) {
    const page = await get(path`/v1/executions/${this.id}/events` + query({ after: seq - 1, limit: 1 }), { signal });
    return page.events[0];
  }
}

/** The log. `onSelect(seq)` hears which event was chosen. */
export class EventLog {
  constructor({ events, onSelect }) {
    this.events = events;
    this.rows = new Windowed({
      label: 'Events in the order of the journal',
      name: 'events',
      height: matchMedia('(max-width: 700px)').matches ? 58 : 34,
      head: h(
        'div',
        { class: 'event-head', 'aria-hidden': 'true' },
        ['Seq', 'Time', 'Kind', 'What', 'Chain'].map((name) => h('span', null, name)),
      ),
      row: (at) => this.#row(at),
      onOpen: (at) => onSelect(this.events.all[at].seq),
    });
    this.rows.element.classList.add('event-rows');
    this.foot = h('p', { class: 'event-foot dim small' });
    this.element = h('div', { class: 'event-log' });
    render(this.element, host(this.rows.element), host(this.foot));
  }

  /** Shows what is there; of a moment that is looked at, which event it is. */
  show(at) {
    const follows = !at && this.rows.followsEnd();
    this.at = at;
    this.rows.setCount(this.events.all.length);
    if (follows) this.rows.toEnd();
    const broken = this.events.all.findIndex((_, i) => !this.#holds(i));
    render(
      this.foot,
      broken < 0
        ? [
            icon('audit'),
            ` ${this.events.all.length} events, each holding the hash of the one before. Audit verifies the whole journal.`,
          ]
        : [
            icon('warn'),
            ` The chain does not hold at event ${this.events.all[broken].seq}: verify the journal under Audit.`,
          ],
    );
    this.foot.classList.toggle('look-bad', broken >= 0);
  }

  /** Shows which event is looked at. */
  select(seq, options) {
    this.rows.mark(
      this.events.all.findIndex((event) => event.seq === seq),
      options,
    );
  }

  /** Whether an event names the hash of the one before it. */
  #holds(at) {
    const [before, event] = [this.events.all[at - 1], this.events.all[at]];
    return !before || !event.prev_hash || event.prev_hash === before.hash;
  }

  #row(at) {
    const event = this.events.all[at];
    const later = this.at && event.seq > this.at;
    return [
      h('span', { class: ['event-seq mono', later && 'is-later'] }, String(event.seq)),
      h('span', { class: 'event-time mono dim', title: wholeTime(event.at_ms) }, showClock(event.at_ms)),
      h('span', { class: ['event-kind', `look-${lookOfEvent(event.kind)}`] }, words(event.kind)),
      h('span', { class: 'event-what' }, ticks(event.summary)),
      h(
        'span',
        {
          class: ['event-chain mono', !this.#holds(at) && 'look-bad'],
          title: `hash ${event.hash}\nbefore ${event.prev_hash}\ncommit ${event.commit ?? 'open'}`,
        },
        icon(this.#holds(at) ? 'audit' : 'warn'),
        brief(event.hash, 8),
        h('span', { class: 'dim' }, event.commit == null ? '' : ` #${event.commit}`),
      ),
    ];
  }
}
