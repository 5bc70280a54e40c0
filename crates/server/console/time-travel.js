// Sliding through the journal: which event is the last one that counts for everything that is shown.

import { h } from './dom.js';
import { icon } from './icons.js';
import { lookOfEvent } from './event-log.js';
import { words } from './text.js';
import { showClock } from './time.js';

/** How long each event is shown while the journal plays. */
const PLAY_MS = [700, 300, 120];

/** The travel through one execution's journal. `onGo(seq | null)`: null is now. */
export class TimeTravel {
  constructor({ onGo }) {
    this.onGo = onGo;
    this.at = null;
    this.last = 0;
    this.playing = null;
    this.speed = 0;
  }

  /** How far the journal goes. */
  setLast(last) {
    this.last = last;
    if (this.at > last) this.at = null;
  }

  /** Looks at the moment after this event. */
  go(seq) {
    const to = seq == null ? null : Math.max(1, Math.min(this.last, seq));
    this.at = to;
    this.onGo(to);
  }

  /** One event back or on; behind the last is now. */
  step(by) {
    this.stop();
    const from = this.at ?? this.last;
    const to = from + by;
    this.go(this.at !== null && to > this.last ? null : to);
  }

  /** Plays from where it stands, from the beginning at the end. */
  play() {
    if (this.playing) {
      this.stop();
      this.onGo(this.at);
      return;
    }
    if (this.at === null || this.at >= this.last) this.at = 0;
    const next = () => {
      if (this.at === null || this.at >= this.last) {
        this.stop();
        this.onGo(this.at);
        return;
      }
      this.go(this.at + 1);
      this.playing = setTimeout(next, PLAY_MS[this.speed]);
    };
    this.playing = setTimeout(next, 0);
  }

  /** Stands still. */
  stop() {
    clearTimeout(this.playing);
    this.playing = null;
  }

  /** The controls. `event` is the one that is looked at, where it is known. */
  view(event) {
    const now = this.at === null;
    const seq = this.at ?? this.last;
    const button = (name, label, act, off) =>
      h(
        'button',
        { type: 'button', class: 'icon-button', title: label, 'aria-label': label, disabled: off, onclick: act },
        icon(name),
      );
    return h(
      'div',
      { class: ['travel', !now && 'is-past'], role: 'group', 'aria-label': 'Time travel' },
      h(
        'div',
        { class: 'travel-keys' },
        button('first', 'To the first event', () => (this.stop(), this.go(1)), seq <= 1),
        button('back', 'One event back (,)', () => this.step(-1), seq <= 1),
        button(
          this.playing ? 'pause' : 'play',
          this.playing ? 'Stop (p)' : 'Play the journal (p)',
          () => this.play(),
          this.last < 2,
        ),
        button('forward', 'One event on (.)', () => this.step(1), now),
        h(
          'button',
          {
            type: 'button',
            class: 'button is-small travel-speed',
            title: 'How fast it plays',
            'aria-label': `Speed ${this.speed + 1} of ${PLAY_MS.length}`,
            onclick: () => this.#faster(),
          },
          `${['1', '2', '5'][this.speed]}×`,
        ),
      ),
      h('input', {
        class: 'travel-slider',
        type: 'range',
        min: 1,
        max: Math.max(1, this.last),
        step: 1,
        value: String(seq),
        'aria-label': 'Event of the journal',
        'aria-valuetext': event
          ? `event ${seq} of ${this.last}: ${words(event.kind)}, ${event.summary ?? ''}`
          : `event ${seq} of ${this.last}`,
        vars: { '--share': `${this.last > 1 ? ((seq - 1) / (this.last - 1)) * 100 : 100}%` },
        oninput: (input) => {
          this.stop();
          const to = Number(input.target.value);
          this.go(to >= this.last && now ? null : to);
        },
      }),
      h(
        'div',
        { class: 'travel-about' },
        h('span', { class: 'mono' }, `${seq}`, h('span', { class: 'dim' }, ` / ${this.last}`)),
        event && h('span', { class: `travel-event look-${lookOfEvent(event.kind)}` }, words(event.kind)),
        event && h('span', { class: 'dim mono' }, showClock(event.at_ms)),
      ),
      h(
        'button',
        {
          type: 'button',
          class: ['button is-small travel-now', now && 'is-on'],
          disabled: now,
          onclick: () => (this.stop(), this.go(null)),
        },
        now ? 'Now' : 'Back to now',
      ),
    );
  }

  #faster() {
    this.speed = (this.speed + 1) % PLAY_MS.length;
    this.onGo(this.at);
  }
}
