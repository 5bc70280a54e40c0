// What went wrong, and what to do about it.

import { isAborted } from './api.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { notice } from './notice.js';

/** A problem in its own box. `again` is what the button tries once more. */
export function problemView(error, again) {
  const violations = error.details?.violations ?? [];
  const marked = error.details?.errors ?? [];
  return h(
    'section',
    { class: 'callout look-bad', role: 'alert' },
    icon('warn'),
    h(
      'div',
      { class: 'callout-text' },
      h('p', { class: 'callout-title' }, prose(error.message || error.title), ' ', error.code && codeLink(error.code)),
      error.remedy && h('p', null, prose(error.remedy)),
      violations.length > 0 && violationList(violations),
      marked.length > 0 && violationList(marked),
      error.requestId && h('p', { class: 'dim small' }, 'request ', h('code', null, error.requestId)),
    ),
    again && h('button', { type: 'button', class: 'button', onclick: again }, 'Try again'),
  );
}

/** What can be put right, with its place; a press on one goes there. */
export function violationList(violations, goTo) {
  return h(
    'ul',
    { class: 'violations' },
    violations.map((violation) => violationRow(violation, goTo)),
  );
}

function violationRow(violation, goTo) {
  const line = violation.line;
  const place =
    [violation.file, line && `${line}:${violation.column ?? 1}`].filter(Boolean).join(':') || violation.pointer;
  const level = violation.level === 'warning' ? 'warn' : 'bad';
  return h(
    'li',
    { class: `look-${level}` },
    goTo && line
      ? h('button', { type: 'button', class: 'place', onclick: () => goTo(line, violation.column ?? 1) }, place)
      : h('span', { class: 'place' }, place || '–'),
    h(
      'span',
      null,
      prose(violation.message),
      violation.code && [' ', h('code', { class: 'dim' }, violation.code)],
      violation.suggestion && h('span', { class: 'hint' }, ' ', prose(suggested(violation.suggestion))),
      violation.help && h('span', { class: 'hint' }, ' ', prose(violation.help)),
    ),
  );
}

/** A suggestion is a sentence, or the name alone that is nearly right. */
function suggested(text) {
  return /\s/.test(text) ? text : `did you mean \`${text}\`?`;
}

/** A code with the page that explains it. */
export function codeLink(code) {
  return h(
    'a',
    { class: 'code-link', href: `/errors/${encodeURIComponent(code)}`, target: '_blank', rel: 'noreferrer' },
    code,
  );
}

/** Shows a problem as a short message. */
export function tellProblem(error) {
  if (isAborted(error)) return;
  notice([sentence(error.message), error.remedy && sentence(error.remedy)].filter(Boolean).join(' '), 'bad');
}

/** A message as a sentence, what stands in backticks as code. */
export function prose(text) {
  return ticks(sentence(text));
}

/** A text in which what stands in backticks is code. */
export function ticks(text) {
  return String(text ?? '')
    .split('`')
    .map((part, i, all) =>
      i % 2 === 1 && i < all.length - 1 ? h('code', null, part) : i % 2 === 1 ? `\`${part}` : part,
    );
}

/** Messages come in lower case without a full stop. */
export function sentence(text) {
  const given = String(text ?? '').trim();
  if (!given) return '';
  const first = /^[a-z]+\b(?![-._(/])/.test(given) ? given[0].toUpperCase() + given.slice(1) : given;
  return /[.!?:…]$/.test(first) ? first : `${first}.`;
}
