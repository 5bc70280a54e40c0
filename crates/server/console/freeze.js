// The freeze: while it holds, no call starts anywhere. It is seen on every page, and whoever may ends it from there.

import { post } from './api.js';
import { ask } from './dialog.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { notice } from './notice.js';
import { may } from './session.js';
import { showAge, wholeTime } from './time.js';

function mayFreeze(me) {
  return may('operate') || may('freeze') || me?.via === 'loopback';
}

/** The switch in the head of every page. */
export function freezeButton(freeze, onFreeze, me) {
  const frozen = Boolean(freeze);
  const about = frozen ? 'Calls are frozen' : 'Calls may start';
  const may_ = mayFreeze(me) || frozen;
  return h(
    'button',
    {
      type: 'button',
      class: ['freeze', frozen && 'is-frozen'],
      'aria-pressed': String(frozen),
      title: `${about}. ${frozen ? 'Thaw' : 'Freeze: no call starts until somebody thaws'}`,
      disabled: !may_ && !frozen,
      onclick: () => (frozen ? thaw(onFreeze) : freezeNow(onFreeze)),
    },
    icon('snow'),
    h('span', null, frozen ? 'Frozen' : 'Freeze'),
  );
}

/** What stands above the page while calls are frozen. */
export function freezeBanner(freeze, onFreeze) {
  if (!freeze) return null;
  return h(
    'div',
    { class: 'banner', role: 'status' },
    icon('snow'),
    h(
      'span',
      { class: 'banner-text' },
      h('strong', null, 'Frozen'),
      ' by ',
      h('code', null, freeze.by),
      ' ',
      h('span', { title: wholeTime(freeze.since_ms) }, showAge(freeze.since_ms)),
      freeze.reason && [': ', freeze.reason],
      '. No call starts anywhere; what runs comes to its end.',
    ),
    h('button', { type: 'button', class: 'button', onclick: () => thaw(onFreeze) }, 'Thaw'),
  );
}

async function freezeNow(onFreeze) {
  const told = await ask({
    title: 'Freeze all calls?',
    text: 'No call starts until somebody thaws, in any execution, for engine and agents alike. Calls that run are not stopped.',
    fields: [{ name: 'reason', label: 'Why', kind: 'long', hint: 'Everybody sees it, and the journal keeps it.' }],
    action: 'Freeze',
    look: 'bad',
    act: ({ reason }) => post('/v1/freeze', reason ? { reason } : {}),
  });
  if (told) {
    onFreeze(told.freeze);
    notice('Calls are frozen.', 'warn');
  }
}

async function thaw(onFreeze) {
  const told = await ask({
    title: 'Thaw?',
    text: 'Executions that wait because of the freeze go on at once.',
    fields: [{ name: 'reason', label: 'Why', kind: 'long' }],
    action: 'Thaw',
    act: ({ reason }) => post('/v1/thaw', reason ? { reason } : {}),
  });
  if (told) {
    onFreeze(told.freeze);
    notice('Calls may start again.');
  }
}
