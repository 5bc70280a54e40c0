// When what happened: a line for each step, a bar for each attempt, and thin bars for what was waited for.

import { h, host, render } from './dom.js';
import { icon } from './icons.js';
import { lookOf, sign } from './states.js';
import { showClock, showDuration } from './time.js';
import { words } from './text.js';
import { Windowed } from './windowed.js';

const ROW = 30;
const MOST_ZOOM = 64;
/** The room that a time on the axis takes, in pixels. */
const TICK = 70;

/** A timeline. `onSelect(step, item)` hears which line was chosen. */
export class Timeline {
  constructor({ onSelect }) {
    this.onSelect = onSelect;
    this.zoom = 1;
    this.lines = [];
    this.axis = h('div', { class: 'timeline-axis', 'aria-hidden': 'true' });
    this.rows = new Windowed({
      label: 'Attempts and waits, a line for each step',
      name: 'timeline',
      height: ROW,
      head: this.axis,
      row: (at) => this.#line(this.lines[at]),
      onOpen: (at) => this.lines[at].step !== null && this.onSelect(this.lines[at].step, this.lines[at].item),
    });
    this.rows.element.classList.add('timeline-rows');
    this.tools = h('div', { class: 'timeline-tools' });
    this.element = h('div', { class: 'timeline' });
    render(this.element, host(this.tools), host(this.rows.element));
    this.#paintTools();
    // How many times there is room for is known once it is laid out.
    new ResizeObserver(() => this.from !== undefined && this.#paintAxis()).observe(this.rows.element);
  }

  /** What there is to draw: spans as the server gives them, states by step, and until when (live, or a moment that is looked at). */
  show({ spans, order, states, from, until, at }) {
    this.from = from;
    this.until = Math.max(until, from + 1);
    this.states = states;
    this.at = at;
    this.lines = intoLines(spans, order, at);
    this.rows.setCount(this.lines.length);
    this.#paintAxis();
  }

  /** Shows which step is looked at. */
  select(step, { reveal = false } = {}) {
    this.rows.mark(step == null ? -1 : this.lines.findIndex((line) => line.step === step), { reveal });
  }

  #paintTools() {
    const button = (name, label, act, disabled) =>
      h(
        'button',
        { type: 'button', class: 'icon-button', title: label, 'aria-label': label, disabled, onclick: act },
        icon(name),
      );
    render(
      this.tools,
      h(
        'span',
        { class: 'legend' },
        LEGEND.map(([look, text]) => h('span', null, h('i', { class: `legend-bar ${look}` }), text)),
      ),
      button('plus', 'Closer', () => this.#zoomTo(this.zoom * 2), this.zoom >= MOST_ZOOM),
      button('minus', 'Farther', () => this.#zoomTo(this.zoom / 2), this.zoom <= 1),
      button('fit', 'All of it', () => this.#zoomTo(1), this.zoom === 1),
    );
  }

  #zoomTo(zoom) {
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, zoom));
    this.rows.element.style.setProperty('--zoom', this.zoom);
    this.#paintTools();
    this.#paintAxis();
  }

  #paintAxis() {
    const room = this.axis.querySelector('.timeline-track')?.clientWidth || Infinity;
    const ticks = ticksOf(this.until - this.from, Math.min(6 * this.zoom, Math.floor(room / TICK)));
    render(
      this.axis,
      h('span', { class: 'timeline-name' }, 'Step'),
      h(
        'span',
        { class: 'timeline-track' },
        ticks.map((ms) =>
          h(
            'span',
            { class: 'tick', vars: { '--from': share(ms, this.until - this.from) } },
            ms === 0 ? showClock(this.from).slice(0, 8) : `+${showDuration(ms)}`,
          ),
        ),
      ),
    );
  }

  #line(line) {
    const whole = this.until - this.from;
    const state = line.step === null ? 'waiting' : (this.states.get(line.step)?.state ?? 'pending');
    return [
      h(
        'span',
        { class: 'timeline-name' },
        sign(state),
        line.step === null
          ? h('span', null, 'the plan itself')
          : h('span', { class: 'mono' }, line.item == null ? line.step : `${line.step}[${line.item}]`),
      ),
      h(
        'span',
        { class: 'timeline-track' },
        line.spans.map((span) => this.#bar(span, whole)),
      ),
    ];
  }

  #bar(span, whole) {
    const start = Math.max(0, span.start_ms - this.from);
    const end = Math.max(start, (span.end_ms ?? this.until) - this.from);
    const open = span.end_ms == null;
    const look = span.what === 'attempt' ? lookOfAttempt(span) : 'wait';
    return h('i', {
      class: ['bar', `bar-${span.what}`, `look-${look}`, open && 'is-open', span.purpose === 'compensate' && 'is-undo'],
      title: barTitle(span, end - start),
      vars: { '--from': share(start, whole), '--share': share(end - start, whole) },
    });
  }
}

const LEGEND = [
  ['look-good', 'completed'],
  ['look-bad', 'failed'],
  ['look-busy', 'runs'],
  ['look-wait', 'waits'],
];
const OUTCOMES = { completed: 'good', failed: 'bad', blocked: 'bad', interrupted: 'dim', in_doubt: 'doubt' };

function lookOfAttempt(span) {
  return span.outcome ? (OUTCOMES[span.outcome] ?? lookOf(span.outcome)) : 'busy';
}

function barTitle(span, ms) {
  const took = showDuration(ms);
  if (span.what === 'wait') return `waits for ${words(span.kind)}, ${took}`;
  const outcome = span.outcome ? words(span.outcome) : 'runs';
  const undo = span.purpose === 'compensate' ? 'undo, ' : '';
  return `${undo}attempt ${span.attempt}: ${outcome}${span.code ? ` ${span.code}` : ''}, ${took}`;
}

function share(part, whole) {
  return `${((part / whole) * 100).toFixed(3)}%`;
}

/** One line for each step, or for each item of it; at a moment that is looked at, what had begun. */
function intoLines(spans, order, at) {
  const lines = new Map();
  for (const span of spans) {
    if (at && span.start_seq > at) continue;
    const shown = at && span.end_seq > at ? { ...span, end_ms: null, outcome: null, code: null } : span;
    const step = span.step ?? null;
    const key = `${step ?? ''} ${span.item ?? ''}`;
    if (!lines.has(key)) lines.set(key, { step, item: span.item ?? null, spans: [] });
    lines.get(key).spans.push(shown);
  }
  const rank = (line) => order.get(line.step) ?? -1;
  return [...lines.values()].sort((a, b) => rank(a) - rank(b) || (a.item ?? -1) - (b.item ?? -1));
}

/** Round places on the axis. */
function ticksOf(whole, wanted) {
  const rough = whole / Math.max(1, wanted);
  const size = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((n) => n * size).find((n) => n >= rough) ?? rough;
  const ticks = [];
  for (let ms = 0; ms < whole * 0.97; ms += step) ticks.push(ms);
  return ticks;
}
