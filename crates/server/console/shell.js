// What stands around every page: where one can go, whether calls are frozen, whether what is shown is live, who looks.

import { h, host, render } from './dom.js';
import { freezeBanner, freezeButton } from './freeze.js';
import { icon } from './icons.js';
import { showKeys } from './key-help.js';
import { standingOfFeed } from './live.js';
import { notices } from './notice.js';
import { logout, may, whoami } from './session.js';
import { clean, list } from './text.js';
import { nextTheme, theme } from './theme.js';
import { ask } from './dialog.js';

/** The pages, with the key behind `g` that goes there. */
export const PLACES = [
  { name: 'executions', label: 'Executions', key: 'e' },
  { name: 'inbox', label: 'Inbox', key: 'i' },
  { name: 'plans', label: 'Plans', key: 'p' },
  { name: 'policy', label: 'Policy', key: 'o' },
  { name: 'tools', label: 'Tools', key: 't' },
  { name: 'audit', label: 'Audit', key: 'a' },
];

const FEED_WORDS = { live: 'Live', connecting: 'Connecting', lost: 'Not live', off: 'Not live' };
const THEME_ICONS = { system: 'screen', light: 'sun', dark: 'moon' };

/**
 * The frame. It gives the place for pages, and `paint(state)`, which shows `{place, open, freeze}` around them: which of
 * `PLACES` is shown, how many requests wait, and the freeze.
 */
export function frame(app, { onFreeze, onLoggedOut }) {
  const main = h('main', { id: 'main', tabIndex: -1 });
  const spoken = notices();
  let state = { place: null, open: null, freeze: null };
  const outside = h('div', { class: 'shell' });
  app.replaceChildren(outside, ...spoken);
  const paint = (changes = {}) => {
    state = { ...state, ...changes };
    render(
      outside,
      h('a', { class: 'skip', href: '#main', onclick: skipTo(main) }, 'Skip to the page'),
      side(state),
      h(
        'div',
        { class: 'stage' },
        top(state, { paint, onFreeze, onLoggedOut }),
        freezeBanner(state.freeze, onFreeze),
        host(main),
      ),
    );
  };
  paint();
  return { main, paint };
}

function skipTo(main) {
  return (event) => {
    event.preventDefault();
    main.focus();
  };
}

function side(state) {
  return h(
    'nav',
    { class: 'side', 'aria-label': 'Pages' },
    h(
      'a',
      { class: 'brand', href: '#/executions' },
      h('span', { class: 'brand-mark', 'aria-hidden': 'true' }),
      h('span', { class: 'brand-name' }, 'Mandate'),
    ),
    h(
      'ul',
      null,
      PLACES.map((place) => h('li', { key: place.name }, placeLink(place, state))),
    ),
  );
}

function placeLink({ name, label, key }, state) {
  const here = state.place === name;
  const open = name === 'inbox' && state.open > 0 ? (state.open > 99 ? '99+' : String(state.open)) : null;
  return h(
    'a',
    {
      href: `#/${name}`,
      class: ['place-link', here && 'is-here'],
      'aria-current': here ? 'page' : null,
      title: `${label} (g ${key})`,
    },
    icon(name),
    h('span', { class: 'place-name' }, label),
    open && h('span', { class: 'badge', 'aria-label': `${open} open` }, open),
  );
}

function top(state, { paint, onFreeze, onLoggedOut }) {
  const feed = standingOfFeed();
  const me = whoami();
  return h(
    'header',
    { class: 'top' },
    h('div', { class: 'crumbs', keep: 'crumbs' }),
    h(
      'div',
      { class: 'top-right' },
      me &&
        h(
          'span',
          { class: ['feed', `is-${feed}`], role: 'status', title: FEED_TITLES[feed] },
          h('span', { class: 'feed-dot', 'aria-hidden': 'true' }),
          h('span', { class: 'feed-word' }, FEED_WORDS[feed]),
        ),
      me && freezeButton(state.freeze, onFreeze, me),
      h(
        'button',
        {
          type: 'button',
          class: 'icon-button',
          title: `Theme: ${theme()}`,
          'aria-label': `Theme: ${theme()}; change it`,
          onclick: () => (nextTheme(), paint()),
        },
        icon(THEME_ICONS[theme()]),
      ),
      h(
        'button',
        { type: 'button', class: 'icon-button wide-only', title: 'Keys (?)', 'aria-label': 'Keys', onclick: showKeys },
        icon('help'),
      ),
      me &&
        h(
          'button',
          { type: 'button', class: 'who', title: whoTitle(me), onclick: () => showWho(me, onLoggedOut) },
          icon('user'),
          h('span', null, me.principal),
        ),
    ),
  );
}

const FEED_TITLES = {
  live: 'What changes is shown at once',
  connecting: 'Connecting to the server',
  lost: 'The server does not answer; it is tried again',
  off: 'Nothing is read while the tab is hidden',
};

function whoTitle(me) {
  return me.roles?.length ? `${me.principal}: ${list(me.roles)}` : me.principal;
}

const VIA = {
  console: 'by an API key',
  key: 'by an API key',
  link: 'by the one-time link that the server printed',
  loopback: 'not logged in: this machine only',
};

const RIGHTS = {
  view: 'look at your own executions',
  view_all: 'look at all executions',
  submit: 'submit plans',
  steer: 'pause, resume, cancel your own executions',
  operate: 'steer executions of others, tools, and the freeze',
  answer: 'answer requests',
  audit: 'verify and export the journal',
  administer: 'keys and overrides',
};

function showWho(me, onLoggedOut) {
  const loggedIn = me.via !== 'loopback';
  const text = h(
    'dl',
    { class: 'facts' },
    h('dt', null, 'Principal'),
    h('dd', null, h('code', null, me.principal)),
    me.key_id && [h('dt', null, 'Key'), h('dd', null, h('code', null, me.key_id))],
    h('dt', null, 'Roles'),
    h('dd', null, me.roles?.length ? list(me.roles) : '–'),
    h('dt', null, 'Logged in'),
    h('dd', null, VIA[me.via] ?? me.via),
    h('dt', null, 'May'),
    h(
      'dd',
      null,
      h(
        'ul',
        { class: 'plain' },
        Object.entries(RIGHTS)
          .filter(([right]) => may(right))
          .map(([, about]) => h('li', null, about)),
      ),
    ),
    me.version && [h('dt', null, 'Mandate'), h('dd', null, me.version)],
  );
  return ask({
    title: 'Who you are here',
    text,
    action: loggedIn ? 'Log out' : 'Log in with a key',
    look: 'plain',
    act: async () => {
      if (loggedIn) await logout();
      onLoggedOut();
    },
  });
}

/**
 * Puts the way to the page into the head: `[{text, href}]`, the last being the page itself. `title` is what the browser
 * calls it, where that is not the way.
 */
export function setCrumbs(crumbs, title) {
  const place = document.querySelector('.crumbs');
  document.title = clean([title ?? crumbs.at(-1).text, 'Mandate'].join(' · '));
  if (!place) return;
  render(
    place,
    crumbs.map(({ text, href }, i) => [
      i > 0 && h('span', { class: 'crumb-sep', 'aria-hidden': 'true' }, '/'),
      i === crumbs.length - 1 ? h('h1', { class: 'crumb' }, text) : h('a', { class: 'crumb', href }, text),
    ]),
  );
}
