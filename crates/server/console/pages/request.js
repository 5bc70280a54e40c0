// One request: everything that whoever answers has to see, and the answer.

import { get, isAborted, path, post } from '../api.js';
import { ASKS } from './inbox.js';
import { answerForm } from '../answer-form.js';
import {
  approver,
  callsView,
  decisionView,
  effectsTable,
  factsWords,
  flowsView,
  outcomeView,
  reasonsView,
  riskView,
  section,
} from '../decision-view.js';
import { diffView } from '../diff-view.js';
import { h, oncePerFrame, render } from '../dom.js';
import { jsonView, labelChips } from '../json-view.js';
import { listen } from '../live.js';
import { announce, notice } from '../notice.js';
import { codeLink, problemView, prose, ticks } from '../problem-view.js';
import { to } from '../router.js';
import { chip, lookOf, stateBadge } from '../states.js';
import { brief, list, words } from '../text.js';
import { showAge, showDue, showTime, wholeTime } from '../time.js';

/** Shows the page. */
export async function open({ root, segments, signal, crumbs }) {
  const id = segments[1];
  const where = path`/v1/inbox/${id}`;
  const page = { request: await get(where, { signal }), problem: null, values: {} };
  crumbs([{ text: 'Inbox', href: '#/inbox' }, { text: ASKS[page.request.kind] ?? words(page.request.kind) }]);
  const paint = oncePerFrame(() => {
    if (!signal.aborted) render(root, view(page, { answer, again: () => ((page.problem = null), paint()), paint }));
  });
  async function read() {
    try {
      page.request = await get(where, { signal });
    } catch (error) {
      if (!isAborted(error)) page.problem = error;
    }
    paint();
  }
  async function answer(body) {
    page.busy = true;
    page.problem = null;
    paint();
    try {
      const told = await post(`${where}:answer`, { ...body, subject: page.request.subject });
      const still = told.still_wanted;
      notice(still?.length ? `Counted. Still wanted: ${list(still)}.` : `Answered: ${words(body.choice)}.`);
      page.busy = false;
      await read();
    } catch (error) {
      page.busy = false;
      page.problem = error;
      paint();
    }
  }
  listen(
    {
      request: (row) => {
        if (row.request_id !== id) return;
        if (row.state !== page.request.state) announce(`The request is ${words(row.state)}`);
        read();
      },
      reload: read,
    },
    signal,
  );
  const tick = setInterval(paint, 15_000);
  signal.addEventListener('abort', () => clearInterval(tick));
  paint();
}

function view(page, acts) {
  const { request } = page;
  const about = request.about ?? {};
  return h(
    'div',
    { class: 'request' },
    h('div', { class: 'request-body' }, head(request, about), asked(request, about), consequences(request, about)),
    h('aside', { class: 'request-answer', id: 'answer', 'aria-label': 'Answer' }, answerPart(page, acts)),
  );
}

function head(request, about) {
  const now = Date.now();
  const isOpen = request.state === 'open';
  return h(
    'header',
    { class: 'execution-head' },
    h(
      'div',
      { class: 'execution-title' },
      stateBadge(
        isOpen ? 'waiting' : request.state === 'expired' ? 'cancelled' : 'completed',
        isOpen ? 'open' : words(request.state),
      ),
      h('h2', null, request.question ? ticks(request.question) : about.plan_name || ASKS[request.kind]),
      isOpen && h('button', { type: 'button', class: 'button is-accent to-answer', onclick: toAnswer }, 'Answer'),
    ),
    about.description && request.kind === 'plan' && h('p', { class: 'dim' }, about.description),
    h(
      'p',
      { class: 'dots execution-facts' },
      h(
        'span',
        null,
        h('span', { class: 'dim' }, 'Execution '),
        h(
          'a',
          { class: 'mono', href: to(['executions', request.execution_id], { step: request.step }) },
          brief(request.execution_id, 13),
        ),
      ),
      h('span', null, h('span', { class: 'dim' }, 'asked by '), h('code', null, about.principal)),
      request.step &&
        h(
          'span',
          null,
          h('span', { class: 'dim' }, 'step '),
          h('code', null, request.item == null ? request.step : `${request.step}[${request.item}]`),
        ),
      h('span', { title: wholeTime(request.opened_at_ms) }, `opened ${showAge(request.opened_at_ms, now)}`),
      isOpen &&
        request.expires_at_ms &&
        h('span', { title: wholeTime(request.expires_at_ms) }, `expires ${showDue(request.expires_at_ms, now)}`),
      about.plan_hash &&
        h(
          'span',
          null,
          h('span', { class: 'dim' }, 'plan '),
          h('a', { class: 'mono', href: to(['plans', about.plan_hash]) }, brief(about.plan_hash)),
        ),
    ),
  );
}

/** Where the answer stands below what is asked. */
function toAnswer() {
  const answer = document.getElementById('answer');
  answer.scrollIntoView({ block: 'start' });
  answer.querySelector('textarea, input, button')?.focus({ preventScroll: true });
}

/** What a request holds beside it and the page shows in other places. */
const ELSEWHERE = new Set(['approvers', 'answer_schema', 'choices', 'plan', 'plan_hash', 'question']);

/** What is asked about: calls with their arguments, the question's context, the error. */
function asked(request, about) {
  const calls = about.calls ?? [];
  const detail = Object.fromEntries(Object.entries(request.detail ?? {}).filter(([name]) => !ELSEWHERE.has(name)));
  const flow = detail.flow ?? {};
  const parts = [];
  if (about.refusal)
    parts.push(
      section('Why it is asked', h('p', null, codeLink(about.refusal.code), ' ', prose(about.refusal.message))),
    );
  if (calls.length > 0) {
    parts.push(
      section(
        calls.length === 1 ? 'The call' : `${calls.length} calls`,
        calls.map((call, i) =>
          h(
            'div',
            { class: 'call' },
            call.item != null && h('h4', null, `Item ${call.item}`),
            jsonView(call.args ?? {}, { name: `arguments ${i}`, labels: flow.labels, open: 3 }),
          ),
        ),
        flow.untrusted_control && h('p', { class: 'look-warn' }, 'An untrusted value decided that it is called.'),
        Object.entries(flow.untrusted_sinks ?? {}).map(([pointer, kind]) =>
          h(
            'p',
            { class: 'look-warn' },
            'Untrusted ',
            h('strong', null, kind),
            ' in ',
            h('code', null, pointer),
            labelChips(flow.labels?.[pointer]),
          ),
        ),
      ),
    );
  } else if (!['plan', 'revision'].includes(request.kind) && Object.keys(detail).length > 0) {
    parts.push(section('What it is about', jsonView(detail, { name: 'detail', open: 3 })));
  }
  return parts;
}

/** What a yes would let happen. */
function consequences(request, about) {
  const { decision } = about;
  const isPlan = ['plan', 'revision'].includes(request.kind);
  const inputs = about.inputs ?? {};
  const parts = [
    isPlan && decision && h('div', { class: 'decision-head' }, outcomeView(decision.outcome), riskView(decision.risk)),
    isPlan && decision?.calls && h('p', { class: 'dim' }, callsView(decision.calls)),
    isPlan && request.detail?.reason && section('Why it is proposed', h('p', null, prose(request.detail.reason))),
    isPlan &&
      request.detail?.delta?.widenings?.length > 0 &&
      section(
        'Beside what was approved',
        h(
          'ul',
          { class: 'plain' },
          request.detail.delta.widenings.map(({ place, problem }) =>
            h('li', null, h('code', { class: 'look-warn' }, place), ' ', prose(problem)),
          ),
        ),
      ),
    about.diff && section('What changes', diffView(about.diff)),
    isPlan && effectsPart(about),
    isPlan && about.violations?.length > 0 && section('What rules say against it', reasonsView(about.violations)),
    isPlan && section('Where untrusted values go', flowsView(about.flows)),
    isPlan &&
      section(
        'Inputs',
        Object.keys(inputs).length > 0 ? jsonView(inputs, { name: 'inputs' }) : h('p', { class: 'dim' }, 'None.'),
      ),
    decision &&
      h(
        'details',
        { class: 'part' },
        h('summary', null, h('h3', null, isPlan ? 'The whole decision' : 'What policy said of the plan')),
        decisionView(decision),
      ),
  ];
  return parts.flat();
}

function effectsPart({ effects = [], reads = [], decision }) {
  if (effects.length === 0 && decision && reads.length === 0) return section('Effects', effectsTable(decision.steps));
  return section(
    effects.length === 1 ? 'It will have 1 effect' : `It will have ${effects.length} effects`,
    effects.map((effect) =>
      h(
        'div',
        { class: 'effect' },
        h(
          'div',
          { class: 'effect-head' },
          chip(effect.effect),
          h('code', { class: 'effect-step' }, effect.purpose === 'compensate' ? `undo ${effect.step}` : effect.step),
          h('span', { class: 'mono dim' }, effect.tool),
          h('span', { class: `look-${lookOf(effect.risk?.level)}` }, `risk ${effect.risk?.score ?? '–'}`),
          h('span', { class: 'dim' }, factsWords(effect)),
          (effect.tags ?? []).map((tag) => chip(tag, 'bad')),
        ),
        Object.keys(effect.args ?? {}).length > 0 &&
          jsonView(effect.args, { name: `arguments of ${effect.purpose} ${effect.step}`, open: 3 }),
        effect.open_args?.length > 0 &&
          h(
            'p',
            { class: 'look-warn' },
            list(effect.open_args),
            ' left to the agent, within ',
            h('code', null, 'allow.args'),
          ),
      ),
    ),
    reads.length > 0 && h('p', { class: 'dim' }, 'Beside that it reads, on this machine only: ', list(reads), '.'),
  );
}

function answerPart(page, { answer, again, paint }) {
  const { request } = page;
  const said = request.said ?? [];
  return [
    h('h3', null, request.state === 'open' ? 'Your answer' : 'The answer'),
    request.state === 'open'
      ? [
          h(
            'p',
            { class: 'dim' },
            'May answer: ',
            h('strong', null, list((request.approvers ?? []).map(approver)) || 'whoever may'),
            '.',
          ),
          said.length > 0 && saidList(said, request.still_wanted),
          request.may_answer
            ? answerForm(request, page.values, { busy: page.busy, onAnswer: answer, onInput: paint })
            : h(
                'div',
                { class: 'callout look-dim', role: 'note' },
                h(
                  'div',
                  { class: 'callout-text' },
                  h('p', { class: 'callout-title' }, 'You cannot answer this one.'),
                  h('p', null, prose(request.why_not ?? 'this log-in may not answer it')),
                ),
              ),
        ]
      : closed(request, said),
    page.problem && problemView(page.problem, again),
  ];
}

function saidList(said, still) {
  const wanted = Object.entries(still ?? {}).filter(([, whom]) => whom?.length);
  return [
    h(
      'ul',
      { class: 'plain said' },
      said.map((one) =>
        h(
          'li',
          null,
          h('strong', null, words(one.choice)),
          ' by ',
          h('code', null, one.by),
          h('span', { class: 'dim' }, ` over ${one.channel}, ${showTime(one.at_ms)}`),
          one.reason && h('p', null, one.reason),
        ),
      ),
    ),
    wanted.map(([choice, whom]) => h('p', { class: 'dim' }, `For ${words(choice)} still wanted: ${list(whom)}.`)),
  ];
}

function closed(request, said) {
  const { answer } = request;
  if (request.state === 'expired')
    return h(
      'p',
      null,
      `Nobody answered in time. It expired ${showAge(request.closed_at_ms ?? request.expires_at_ms)}.`,
    );
  if (said.length > 0) return saidList(said);
  if (!answer) return h('p', { class: 'dim' }, prose(words(request.state)));
  return h(
    'div',
    null,
    h(
      'p',
      null,
      h('strong', null, words(answer.choice)),
      ' by ',
      h('code', null, answer.by),
      h(
        'span',
        { class: 'dim' },
        ` over ${answer.channel}`,
        request.closed_at_ms ? `, ${showTime(request.closed_at_ms)}` : '',
      ),
    ),
    answer.reason && h('p', null, answer.reason),
    answer.data != null && jsonView(answer.data, { name: 'data' }),
  );
}
