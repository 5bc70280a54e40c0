// The answer to a request: one of its choices, a reason, and the data that goes with it.

import { h } from './dom.js';
import { fieldsFor, isTyped, kindOf, valuesOf } from './schema-form.js';
import { words } from './text.js';
import { parsed } from './typed-json.js';

/** Choices that stop something, or that cannot be taken back. */
const STOPS = new Set(['reject', 'halt', 'fail']);
const GOES_ON = new Set(['approve', 'answer', 'continue', 'retry', 'grant', 'done', 'supply']);

const MEANS = {
  plan: { approve: 'It runs, exactly as shown.', reject: 'It ends without having run.' },
  revision: { approve: 'It goes on with the revised plan.', reject: 'The plan stays as it was.' },
  step: { approve: 'Exactly these arguments, for this call.', reject: 'The step fails; the plan says what then.' },
  failure: {
    retry: 'One more attempt.',
    skip: 'The step stays failed, the plan goes on.',
    halt: 'The execution stops.',
    supply: 'The step completes with the output that you give.',
  },
  invariant: { continue: 'It goes on all the same.', halt: 'The execution stops.' },
  budget: { grant: 'It may make more calls.', reject: 'It ends: the budget is exceeded.' },
  in_doubt: {
    done: 'The effect happened; the step completes.',
    not_done: 'It did not happen; the step may be called again.',
    fail: 'The step counts as failed.',
  },
};

/** Whether data goes with a choice: `nothing`, `may`, `must`. */
function takes({ kind, answer_schema: schema }, choice) {
  if (kind === 'question' && choice === 'answer' && schema) return 'must';
  if (kind === 'failure' && choice === 'supply') return 'must';
  if ((kind === 'budget' && choice === 'grant') || (kind === 'in_doubt' && choice === 'done')) return 'may';
  return 'nothing';
}

/** The form. `values` holds what was typed. */
export function answerForm(request, values, { busy, onAnswer, onInput }) {
  const choices = request.choices ?? [];
  const needs = choices.find((choice) => takes(request, choice) !== 'nothing');
  const send = (choice) => {
    try {
      values.problem = null;
      const data = dataFor(request, choice, values);
      const reason = values.reason?.trim();
      onAnswer({ choice, ...(reason && { reason }), ...(data !== undefined && { data }) });
    } catch (error) {
      values.problem = error;
      onInput();
    }
  };
  const only = choices.length === 1;
  return h(
    'form',
    { class: 'answer-form', onsubmit: (event) => (event.preventDefault(), only && send(choices[0])) },
    needs && takes(request, needs) === 'must' && dataFields(request, needs, values, onInput),
    h(
      'label',
      { class: 'field' },
      h('span', { class: 'label' }, 'Reason'),
      h('textarea', {
        name: 'reason',
        rows: 3,
        value: values.reason ?? '',
        oninput: (event) => (values.reason = event.target.value),
      }),
      h('span', { class: 'hint' }, 'The journal keeps it, with your name.'),
    ),
    needs &&
      takes(request, needs) === 'may' &&
      (request.answer_schema
        ? h(
            'details',
            { class: 'part answer-data' },
            h('summary', null, h('h3', null, `With “${choiceWord(request, needs)}”: its output`)),
            h('p', { class: 'hint' }, 'May be left out as a whole, where nothing in the plan needs it.'),
            dataFields(request, needs, values, onInput),
          )
        : dataFields(request, needs, values, onInput)),
    values.problem && h('p', { class: 'look-bad', role: 'alert' }, values.problem.message),
    h(
      'div',
      { class: 'choices' },
      choices.map((choice) =>
        h(
          'button',
          {
            type: only ? 'submit' : 'button',
            key: choice,
            class: ['button choice', look(request, choice)],
            disabled: busy,
            onclick: only ? null : () => send(choice),
          },
          h('span', { class: 'choice-word' }, choiceWord(request, choice)),
          MEANS[request.kind]?.[choice] && h('span', { class: 'choice-means' }, MEANS[request.kind][choice]),
        ),
      ),
    ),
  );
}

/** A choice of a plan's own question is shown as it is written. */
function choiceWord({ kind }, choice) {
  if (kind === 'question') return choice === 'answer' ? 'Answer' : choice;
  const text = words(choice);
  return text[0].toUpperCase() + text.slice(1);
}

function look({ kind }, choice) {
  if (STOPS.has(choice)) return 'is-bad';
  if (kind !== 'question' && GOES_ON.has(choice) && choice !== 'retry') return 'is-accent';
  return kind === 'question' && choice === 'answer' ? 'is-accent' : '';
}

function dataFields(request, choice, values, onInput) {
  const schema = request.answer_schema;
  values.data ??= {};
  if (schema && kindOf(schema) === 'object' && schema.properties)
    return fieldsFor(withNeeds(schema), values.data, onInput, 'answer');
  if (schema) return fieldsFor({ answer: schema }, values.data, onInput, 'answer');
  const about =
    { grant: 'How many more calls', done: 'Output, as JSON', supply: 'Output, as JSON' }[choice] ?? 'Data, as JSON';
  return h(
    'label',
    { class: 'field' },
    h('span', { class: 'label' }, about),
    h('textarea', {
      class: 'mono',
      rows: 3,
      value: values.text ?? '',
      spellcheck: 'false',
      oninput: (event) => (values.text = event.target.value),
    }),
    h(
      'span',
      { class: 'hint' },
      `Goes with “${words(choice)}”${takes(request, choice) === 'may' ? ', and may be left out' : ''}.`,
    ),
  );
}

function withNeeds(schema) {
  const needed = new Set(schema.required ?? []);
  return Object.fromEntries(
    Object.entries(schema.properties).map(([name, inner]) => [name, { ...inner, required: needed.has(name) }]),
  );
}

function dataFor(request, choice, values) {
  const how = takes(request, choice);
  if (how === 'nothing') return undefined;
  const schema = request.answer_schema;
  if (schema && how === 'may' && !Object.values(values.data ?? {}).some(isTyped)) return undefined;
  if (schema && kindOf(schema) === 'object' && schema.properties) return valuesOf(withNeeds(schema), values.data ?? {});
  if (schema) return valuesOf({ answer: schema }, values.data ?? {}).answer;
  const text = values.text?.trim();
  if (!text) {
    if (how === 'must') throw new Error('This choice needs data.');
    return undefined;
  }
  return parsed(text);
}
