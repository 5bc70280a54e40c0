// The steps of an execution, a line each.

import { h, host, render } from './dom.js';
import { ticks } from './problem-view.js';
import { chip, sign } from './states.js';
import { words } from './text.js';
import { showDuration } from './time.js';
import { stepNote } from './step-detail.js';
import { Windowed } from './windowed.js';

/** The list. `onSelect(step)` hears which was chosen. */
export class StepList {
  constructor({ onSelect }) {
    this.steps = [];
    this.about = { nodes: new Map(), effects: new Map(), now: 0 };
    const phone = matchMedia('(max-width: 700px)').matches;
    this.rows = new Windowed({
      label: 'Steps in the order of the plan',
      name: 'steps',
      height: phone ? 58 : 36,
      head: h(
        'div',
        { class: 'step-head', 'aria-hidden': 'true' },
        ['Step', 'State', 'Tool', 'Effect', 'Took', 'Detail'].map((name) => h('span', null, name)),
      ),
      row: (at) => this.#row(this.steps[at]),
      onOpen: (at) => onSelect(this.steps[at].id),
    });
    this.rows.element.classList.add('step-rows');
    this.element = h('div', { class: 'step-list' });
    render(this.element, host(this.rows.element));
  }

  /** Which steps there are, and where they are. */
  show(steps, about) {
    this.steps = steps;
    this.about = { ...about, effects: about.effects ?? new Map() };
    this.rows.setCount(steps.length);
  }

  /** Shows which step is looked at. */
  select(id, options) {
    this.rows.mark(
      this.steps.findIndex((step) => step.id === id),
      options,
    );
  }

  #row(step) {
    const node = this.about.nodes.get(step.id);
    const effect = this.about.effects.get(step.id);
    const took =
      step.started_at_ms == null ? '' : showDuration((step.ended_at_ms ?? this.about.now) - step.started_at_ms);
    return [
      h(
        'span',
        { class: ['step-name mono', node?.kind !== 'step' && 'is-inner'] },
        sign(step.state),
        h('span', null, step.id),
        node?.kind === 'fallback' && h('span', { class: 'chip look-dim' }, 'fallback'),
        node?.kind === 'finally' && h('span', { class: 'chip look-dim' }, 'finally'),
      ),
      h('span', { class: 'step-state' }, words(step.state)),
      h('span', { class: 'step-tool mono dim' }, step.tool),
      h('span', { class: 'step-effect' }, effect && chip(effect)),
      h('span', { class: 'step-took mono dim' }, took),
      h('span', { class: 'step-note' }, detail(step, this.about.now)),
    ];
  }
}

function detail(step, now) {
  if (step.error) return h('span', { class: 'look-bad' }, `${step.error.code}: `, ticks(step.error.message));
  const parts = [];
  if (step.items) parts.push(stepNote(step, now));
  else if (step.attempts > 1) parts.push(`attempt ${step.attempts}`);
  if (step.carried) parts.push('done by the execution before');
  if (step.skipped)
    parts.push(
      {
        if: 'its `if` is false',
        need: 'a step that it needs did not complete',
        finished: 'the agent finished before it',
      }[step.skipped] ?? step.skipped,
    );
  const labels = step.labels?.output;
  if (Array.isArray(labels) && labels.includes('untrusted')) parts.push('untrusted');
  return parts.join(' · ');
}
