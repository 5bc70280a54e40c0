// The plans that were submitted.

import { get, isAborted, query } from '../api.js';
import { h, oncePerFrame, render } from '../dom.js';
import { icon } from '../icons.js';
import { bindHere } from '../keys.js';
import { problemView } from '../problem-view.js';
import { go, to } from '../router.js';
import { may } from '../session.js';
import { brief, short } from '../text.js';
import { showAge, wholeTime } from '../time.js';

/** Shows the page. */
export async function open({ root, signal, crumbs }) {
  crumbs([{ text: 'Plans' }]);
  const page = { plans: [], next: null, text: '', problem: null, loaded: false };
  const paint = oncePerFrame(() => !signal.aborted && show(root, page, { load, paint }));
  async function load() {
    try {
      const { plans, next } = await get(`/v1/plans${query({ after: page.next })}`, { signal });
      page.plans.push(...plans);
      Object.assign(page, { next, problem: null });
    } catch (error) {
      if (isAborted(error)) return;
      page.problem = error;
    }
    page.loaded = true;
    paint();
  }
  bindHere('/', 'search', () => document.getElementById('plan-text')?.focus(), signal);
  bindHere('c', 'a new plan', () => go('#/plans/new'), signal);
  await load();
}

function show(root, page, { load, paint }) {
  const wanted = page.text.toLowerCase();
  const shown = page.plans.filter(({ name, plan_hash: hash }) => `${name} ${hash}`.toLowerCase().includes(wanted));
  render(
    root,
    h(
      'div',
      { class: 'toolbar' },
      h(
        'label',
        { class: 'search' },
        icon('search'),
        h('span', { class: 'unseen' }, 'Search'),
        h('input', {
          id: 'plan-text',
          type: 'search',
          placeholder: 'Name or hash',
          value: page.text,
          spellcheck: 'false',
          oninput: (event) => ((page.text = event.target.value), paint()),
        }),
      ),
      h('a', { class: 'button is-accent toolbar-end', href: '#/plans/new' }, icon('plus'), 'New plan'),
    ),
    page.problem && problemView(page.problem, page.problem.status === 403 ? null : load),
    shown.length > 0 && table(shown),
    shown.length === 0 && page.loaded && !page.problem && empty(page.text),
    page.next &&
      h('div', { class: 'more' }, h('button', { type: 'button', class: 'button', onclick: load }, 'Older ones')),
  );
}

function table(plans) {
  const now = Date.now();
  return h(
    'div',
    { class: 'table-scroll' },
    h(
      'table',
      { class: 'table plans' },
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          ['Name', 'Hash', 'First submitted'].map((name) => h('th', { scope: 'col' }, name)),
        ),
      ),
      h(
        'tbody',
        null,
        plans.map((plan) =>
          h(
            'tr',
            {
              key: plan.plan_hash,
              onclick: (event) => !event.target.closest('a') && go(to(['plans', plan.plan_hash])),
            },
            h('td', null, h('a', { class: 'row-link', href: to(['plans', plan.plan_hash]) }, short(plan.name, 100))),
            h('td', { class: 'mono dim' }, brief(plan.plan_hash, 16)),
            h('td', { title: wholeTime(plan.at_ms) }, showAge(plan.at_ms, now)),
          ),
        ),
      ),
    ),
  );
}

function empty(text) {
  return h(
    'div',
    { class: 'empty' },
    icon('plans'),
    h('h2', null, text ? 'No plan of that name' : 'No plan was submitted yet'),
    !text &&
      may('submit') &&
      h('p', null, 'Paste one, or drop a file: it is checked and evaluated before anything happens.'),
    !text && h('p', null, h('a', { class: 'button is-accent', href: '#/plans/new' }, icon('plus'), 'New plan')),
  );
}
