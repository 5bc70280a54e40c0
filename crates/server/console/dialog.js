// Questions before something is done: what it does, what is asked for, and why it did not work.

import { h, render } from './dom.js';
import { isAborted } from './api.js';
import { problemView } from './problem-view.js';

/**
 * Asks, does, and closes. `fields`: `{name, label, hint, kind: 'text' | 'long' | 'check' | 'choice', options, required}`.
 * `act(values)` may throw: the dialog stays and says why. Gives what `act` gave, or undefined where nobody wanted it.
 */
export function ask({ title, text, fields = [], action, look = 'accent', act }) {
  return new Promise((resolve) => {
    const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title' });
    let busy = false;
    let problem = null;
    const values = () => Object.fromEntries(fields.map((field) => [field.name, valueOf(dialog, field)]));
    const close = (value) => {
      dialog.close();
      dialog.remove();
      resolve(value);
    };
    const submit = async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      paint();
      try {
        close(await act(values()));
      } catch (error) {
        busy = false;
        if (!isAborted(error)) problem = error;
        paint();
      }
    };
    const paint = () =>
      render(
        dialog,
        h(
          'form',
          { method: 'dialog', onsubmit: submit },
          h('h2', { id: 'dialog-title' }, title),
          text && h('div', { class: 'dialog-text' }, text),
          fields.map(fieldView),
          problem && problemView(problem),
          h(
            'div',
            { class: 'dialog-foot' },
            h('button', { type: 'button', class: 'button', onclick: () => close(undefined) }, 'Back'),
            h(
              'button',
              { type: 'submit', class: ['button', `is-${look}`], disabled: busy },
              busy ? 'One moment…' : action,
            ),
          ),
        ),
      );
    dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      close(undefined);
    });
    paint();
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector('textarea, input, select')?.focus();
  });
}

function fieldView(field) {
  const id = `ask-${field.name}`;
  const hint = field.hint && h('span', { class: 'hint', id: `${id}-hint` }, field.hint);
  const props = {
    id,
    name: field.name,
    required: field.required,
    'aria-describedby': field.hint && `${id}-hint`,
    autocomplete: 'off',
    spellcheck: 'false',
  };
  if (field.kind === 'check') {
    return h(
      'label',
      { class: 'check', key: id },
      h('input', { ...props, type: 'checkbox' }),
      h('span', null, field.label, hint && [' ', hint]),
    );
  }
  const input =
    field.kind === 'long'
      ? h('textarea', { ...props, rows: 3 })
      : field.kind === 'choice'
        ? h(
            'select',
            props,
            field.options.map(({ value, label }) => h('option', { value }, label ?? value)),
          )
        : h('input', { ...props, type: 'text' });
  return h('label', { class: 'field', key: id }, h('span', { class: 'label' }, field.label), input, hint);
}

function valueOf(dialog, field) {
  const input = dialog.querySelector(`[name="${field.name}"]`);
  return field.kind === 'check' ? input.checked : input.value.trim();
}

/** Shows something until somebody closes it. */
export function show({ title, body }) {
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title' });
  const close = () => {
    dialog.close();
    dialog.remove();
  };
  render(
    dialog,
    h('h2', { id: 'dialog-title' }, title),
    body,
    h(
      'div',
      { class: 'dialog-foot' },
      h('button', { type: 'button', class: 'button', autofocus: true, onclick: close }, 'Close'),
    ),
  );
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault();
    close();
  });
  dialog.addEventListener('click', (event) => event.target === dialog && close());
  document.body.append(dialog);
  dialog.showModal();
}
