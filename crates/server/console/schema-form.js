// A form for values that a JSON Schema describes: inputs of a plan, answers to a question. What a form cannot say can be
// typed as JSON.

import { h } from './dom.js';
import { ticks } from './problem-view.js';
import { words } from './text.js';
import { parsed } from './typed-json.js';

/**
 * The fields for an object's properties. `inputs`: name → schema (with `required`, `default`, `secret` as plans have
 * them). `values` holds what was typed, by name; `onInput` hears that something was.
 */
export function fieldsFor(inputs, values, onInput, prefix = 'input') {
  return Object.entries(inputs).map(([name, schema]) => fieldView(name, schema ?? {}, values, onInput, prefix));
}

function fieldView(name, schema, values, onInput, prefix) {
  const id = `${prefix}-${name}`;
  const optional = schema.default !== undefined || schema.required === false || canBeNull(schema);
  const hints = [
    schema.description?.replace(/\.$/, ''),
    schema.secret && 'the name of a secret, never a value',
    bounds(schema),
    schema.default !== undefined && `without it: ${JSON.stringify(schema.default)}`,
  ].filter(Boolean);
  const set = (value) => {
    values[name] = value;
    onInput?.();
  };
  const props = {
    id,
    'aria-describedby': hints.length ? `${id}-hint` : null,
    spellcheck: 'false',
    autocomplete: 'off',
    required: !optional,
  };
  return h(
    'div',
    { class: 'field', key: id },
    h(
      'label',
      { class: 'label', for: id },
      name,
      h('span', { class: 'dim' }, ` ${typeWords(schema)}${optional ? '' : ', needed'}`),
    ),
    inputFor(schema, values[name], props, set, optional),
    hints.length > 0 && h('span', { class: 'hint', id: `${id}-hint` }, ticks(hints.join('; '))),
  );
}

function inputFor(schema, value, props, set, optional) {
  const options =
    schema.enum ??
    (schema.const !== undefined ? [schema.const] : null) ??
    (kindOf(schema) === 'boolean' ? [true, false] : null);
  if (options) {
    return h(
      'select',
      { ...props, value: value ?? '', onchange: (event) => set(event.target.value) },
      h('option', { value: '' }, optional ? 'as without it' : 'choose'),
      options.map((option) =>
        h('option', { value: JSON.stringify(option) }, typeof option === 'string' ? option : JSON.stringify(option)),
      ),
    );
  }
  const kind = kindOf(schema);
  if (kind === 'number' || kind === 'integer') {
    return h('input', {
      ...props,
      type: 'number',
      step: kind === 'integer' ? 1 : 'any',
      min: schema.minimum,
      max: schema.maximum,
      value: value ?? '',
      oninput: (event) => set(event.target.value),
    });
  }
  const long = kind !== 'string' || schema.maxLength > 200;
  const placeholder =
    schema.default !== undefined
      ? typeof schema.default === 'string'
        ? schema.default
        : JSON.stringify(schema.default)
      : kind === 'string'
        ? ''
        : 'JSON';
  return long
    ? h('textarea', {
        ...props,
        class: 'mono',
        rows: 3,
        placeholder,
        value: value ?? '',
        oninput: (event) => set(event.target.value),
      })
    : h('input', {
        ...props,
        type: 'text',
        placeholder,
        value: value ?? '',
        oninput: (event) => set(event.target.value),
      });
}

/** Whether a field holds anything. */
export function isTyped(typed) {
  return typed != null && typed !== '';
}

/** The values as JSON; what is empty is left out, or null where it must be there and can be that. */
export function valuesOf(inputs, values) {
  const out = {};
  for (const [name, schema] of Object.entries(inputs)) {
    const typed = values[name];
    if (isTyped(typed)) out[name] = valueOf(name, schema ?? {}, typed);
    else if (schema?.required === true && canBeNull(schema)) out[name] = null;
  }
  return out;
}

function canBeNull({ type }) {
  return Array.isArray(type) && type.includes('null');
}

function valueOf(name, schema, typed) {
  const kind = kindOf(schema);
  try {
    if (schema.enum || schema.const !== undefined || kind === 'boolean') return JSON.parse(typed);
    if (kind === 'string' || schema.secret) return typed;
    if (kind === 'number' || kind === 'integer') return Number(typed);
    return parsed(typed);
  } catch (error) {
    throw Object.assign(new Error(`${name}: ${error.message}`), { remedy: error.remedy });
  }
}

/** The one type of a schema; `any` where it has several. */
export function kindOf(schema) {
  const types = Array.isArray(schema.type) ? schema.type.filter((type) => type !== 'null') : [schema.type];
  return types.length === 1 && types[0] ? types[0] : schema.secret ? 'string' : 'any';
}

function typeWords(schema) {
  if (schema.secret) return 'secret';
  if (schema.enum) return 'choice';
  const kind = kindOf(schema);
  return kind === 'array' ? 'list' : kind === 'any' ? 'JSON' : words(kind);
}

function bounds(schema) {
  const parts = [
    schema.minimum !== undefined && `at least ${schema.minimum}`,
    schema.maximum !== undefined && `at most ${schema.maximum}`,
    schema.minLength !== undefined && `at least ${schema.minLength} characters`,
    schema.maxLength !== undefined && `at most ${schema.maxLength} characters`,
    schema.pattern && `matches ${schema.pattern}`,
    // How many bits a number has is nothing to people.
    schema.format && kindOf(schema) === 'string' && words(schema.format),
  ];
  return parts.filter(Boolean).join(', ');
}
