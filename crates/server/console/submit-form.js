// Evaluating and running a plan with inputs: what policy would say, then the execution.

import { post } from './api.js';
import { decisionView } from './decision-view.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { notice } from './notice.js';
import { problemView } from './problem-view.js';
import { go, to } from './router.js';
import { fieldsFor, valuesOf } from './schema-form.js';
import { may } from './session.js';

/** Evaluates and submits one plan: `source` gives `{plan}` or `{plan_hash}`; `paint` shows what changed. */
export class SubmitForm {
  constructor({ source, paint, signal }) {
    Object.assign(this, { source, paint, signal });
    this.values = {};
    this.inputs = {};
    this.said = null;
    this.problem = null;
    this.busy = null;
    this.key = crypto.randomUUID?.() ?? String(Math.random());
  }

  /** The inputs that the plan declares; what was said of other ones is over. */
  setInputs(inputs) {
    this.inputs = inputs ?? {};
  }

  /** The plan, or its inputs, are others. */
  forget() {
    this.said = null;
    this.problem = null;
    this.key = crypto.randomUUID?.() ?? String(Math.random());
  }

  async #do(what, act) {
    this.busy = what;
    this.problem = null;
    this.paint();
    try {
      await act({ ...this.source(), inputs: valuesOf(this.inputs, this.values) });
    } catch (error) {
      this.problem = error;
      // What was denied says why.
      if (error.details?.decision) this.said = error.details.decision;
    }
    this.busy = null;
    this.paint();
  }

  evaluate() {
    return this.#do('evaluate', async (body) => {
      const { decision } = await post('/v1/plans:evaluate', body, { signal: this.signal });
      this.said = decision;
    });
  }

  run() {
    return this.#do('run', async (body) => {
      // Pressed twice, it runs once.
      const told = await post('/v1/executions', body, { headers: { 'Idempotency-Key': this.key } });
      notice(told.request_id ? 'Submitted; it waits for approval.' : 'It runs.');
      go(to(['executions', told.execution_id]));
    });
  }

  /** Inputs, the two buttons, and what was said. `ready` is whether the plan is valid. */
  view(ready) {
    const many = Object.keys(this.inputs).length;
    const changed = () => {
      this.said = null;
      this.key = crypto.randomUUID?.() ?? String(Math.random());
      this.paint();
    };
    return h(
      'div',
      { class: 'submit' },
      many > 0 &&
        h('section', { class: 'part' }, h('h3', null, 'Inputs'), fieldsFor(this.inputs, this.values, changed)),
      h(
        'div',
        { class: 'row' },
        h(
          'button',
          { type: 'button', class: 'button', disabled: !ready || Boolean(this.busy), onclick: () => this.evaluate() },
          icon('shield'),
          this.busy === 'evaluate' ? 'Evaluating…' : 'Evaluate',
        ),
        may('submit') &&
          h(
            'button',
            {
              type: 'button',
              class: 'button is-accent',
              disabled: !ready || Boolean(this.busy),
              onclick: () => this.run(),
            },
            icon('play'),
            this.busy === 'run' ? 'Submitting…' : 'Run',
          ),
        h(
          'span',
          { class: 'dim small' },
          may('submit')
            ? 'Evaluating changes nothing. Running asks for approval where policy wants it.'
            : 'Evaluating changes nothing. Your key may not submit plans.',
        ),
      ),
      this.problem && problemView(this.problem),
      this.said &&
        h(
          'section',
          { class: 'part evaluated', 'aria-live': 'polite' },
          h('h3', null, 'What policy says'),
          decisionView(this.said),
        ),
    );
  }
}
