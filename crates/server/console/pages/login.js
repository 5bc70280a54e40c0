// Logging in with an API key. The key goes to the server once and is kept nowhere.

import { isAborted } from '../api.js';
import { h, render } from '../dom.js';
import { problemView } from '../problem-view.js';
import { login } from '../session.js';

/** The page; `onDone` once somebody is logged in. */
export function loginPage(onDone) {
  const page = h('main', { class: 'login', id: 'main' });
  let busy = false;
  let problem = null;
  const submit = async (event) => {
    event.preventDefault();
    const field = page.querySelector('input');
    const key = field.value.trim();
    if (!key || busy) return;
    busy = true;
    problem = null;
    paint();
    try {
      await login({ key });
      onDone();
    } catch (error) {
      if (isAborted(error)) return;
      busy = false;
      problem = error;
      paint();
      field.select();
    }
  };
  const paint = () =>
    render(
      page,
      h(
        'form',
        { class: 'login-box', onsubmit: submit },
        h('div', { class: 'login-brand', 'aria-hidden': 'true' }, h('span', { class: 'brand-mark' })),
        h('h1', null, 'Log in to Mandate'),
        h(
          'label',
          { class: 'field' },
          h('span', { class: 'label' }, 'API key'),
          h('input', {
            type: 'password',
            name: 'key',
            required: true,
            autocomplete: 'current-password',
            spellcheck: 'false',
            placeholder: 'mandate_…',
          }),
        ),
        problem && problemView(problem),
        h(
          'button',
          { type: 'submit', class: 'button is-accent is-wide', disabled: busy },
          busy ? 'One moment…' : 'Log in',
        ),
        h(
          'p',
          { class: 'dim small' },
          'An administrator makes keys with ',
          h('code', null, 'mandate keys create NAME --role ROLE'),
          '. On the machine itself, the link that ',
          h('code', null, 'mandate serve'),
          ' prints logs in without one.',
        ),
      ),
    );
  paint();
  return page;
}
