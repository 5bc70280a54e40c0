// What an execution waits for: for whom, since when, until when, and what carries it on.

import { commandLine } from './command-line.js';
import { h } from './dom.js';
import { prose } from './problem-view.js';
import { to } from './router.js';
import { sign } from './states.js';
import { list, words } from './text.js';
import { showAge, showDue, wholeTime } from './time.js';

const KINDS = {
  plan: 'It waits for approval of its plan',
  revision: 'It waits for approval of a revision',
  step: 'A call waits to be confirmed',
  question: 'It waits for an answer',
  failure: 'A step failed, and somebody is to say what happens next',
  invariant: 'An invariant does not hold, and somebody is to say whether it goes on',
  budget: 'A budget is used up, and somebody is to say whether it gets more',
  in_doubt: 'A step was called, and nobody knows whether its effect happened',
  timer: 'It waits for a timer',
  retry: 'It waits for the next attempt',
  paused: 'It was paused',
  frozen: 'Calls are frozen',
  rate_limit: 'It may make no more calls for a while',
  host: 'No process drives it',
  agent: 'It waits for its agent',
};

/** Whether a human is what it waits for. */
const HUMAN = new Set(['plan', 'revision', 'step', 'question', 'failure', 'invariant', 'budget', 'in_doubt']);

/** What it waits for, in words. */
function waitingWords(waiting) {
  return [
    KINDS[waiting.kind] ?? `It waits: ${words(waiting.kind)}`,
    waiting.step && [', at ', h('code', null, waiting.step)],
    '.',
  ];
}

/** For whom, since when, until when. */
export function waitingFacts(waiting, now = Date.now()) {
  return [
    waiting.who?.length > 0 && h('span', null, 'for ', h('strong', null, list(waiting.who, 'and'))),
    waiting.since_ms != null &&
      h('span', { title: wholeTime(waiting.since_ms) }, `since ${showAge(waiting.since_ms, now)}`),
    waiting.due_ms != null &&
      h(
        'span',
        { title: wholeTime(waiting.due_ms) },
        `${HUMAN.has(waiting.kind) ? 'expires' : 'due'} ${showDue(waiting.due_ms, now)}`,
      ),
  ].filter(Boolean);
}

/** The box on the execution's page. */
export function waitingBox(waiting, requests, now) {
  const request = requests?.[0];
  return h(
    'section',
    { class: `callout look-${waiting.kind === 'in_doubt' ? 'doubt' : 'warn'}`, 'aria-label': 'What it waits for' },
    sign(waiting.kind === 'in_doubt' ? 'in_doubt' : waiting.kind === 'paused' ? 'paused' : 'waiting'),
    h(
      'div',
      { class: 'callout-text' },
      h('p', { class: 'callout-title' }, waitingWords(waiting)),
      request?.question && h('p', null, prose(request.question)),
      h('p', { class: 'dots' }, waitingFacts(waiting, now)),
      waiting.next_command && commandLine(waiting.next_command),
    ),
    request &&
      h(
        'a',
        { class: 'button is-accent', href: to(['inbox', request.request_id]) },
        requests.length > 1 ? `Answer (${requests.length} open)` : 'Look and answer',
      ),
  );
}
