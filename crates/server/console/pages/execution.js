// One execution: where it is, what it waits for, its plan as a graph, its timeline, steps and journal, and how it was at
// any moment of it.

import { get, isAborted, path, query } from '../api.js';
import { h, host, oncePerFrame, render } from '../dom.js';
import { EventLog, Events } from '../event-log.js';
import { hasEnded, stepActs } from '../execution-acts.js';
import { aboutTab, executionHead } from '../execution-head.js';
import { eventDetail } from '../event-detail.js';
import { GraphView } from '../graph/view.js';
import { icon } from '../icons.js';
import { bindHere } from '../keys.js';
import { listen } from '../live.js';
import { announce } from '../notice.js';
import { problemView } from '../problem-view.js';
import { setQuery } from '../router.js';
import { readStep, stepDetail, stepNote } from '../step-detail.js';
import { StepList } from '../step-list.js';
import { brief, words } from '../text.js';
import { TimeTravel } from '../time-travel.js';
import { Timeline } from '../timeline.js';

const TABS = [
  { name: 'graph', label: 'Graph', icon: 'graph', key: '1' },
  { name: 'timeline', label: 'Timeline', icon: 'bars', key: '2' },
  { name: 'steps', label: 'Steps', icon: 'rows', key: '3' },
  { name: 'events', label: 'Events', icon: 'audit', key: '4' },
  { name: 'about', label: 'Inputs and result', icon: 'info', key: '5' },
];
/** Moments that are kept, so that sliding back costs nothing. */
const MOST_MOMENTS = 300;
const PHONE = matchMedia('(max-width: 700px)');

/** Shows the page. */
export async function open({ root, segments, query: asked, signal, crumbs }) {
  const page = new ExecutionPage(root, segments[1], asked, signal, crumbs);
  await page.begin();
}

class ExecutionPage {
  constructor(root, id, asked, signal, crumbs) {
    Object.assign(this, { root, id, signal, crumbs });
    this.where = path`/v1/executions/${id}`;
    this.tab = TABS.some(({ name }) => name === asked.get('tab'))
      ? asked.get('tab')
      : PHONE.matches
        ? 'steps'
        : 'graph';
    this.step = asked.get('step');
    this.item = asked.has('item') ? Number(asked.get('item')) : null;
    this.event = asked.has('event') ? Number(asked.get('event')) : null;
    this.firstAt = asked.has('at') ? Number(asked.get('at')) : null;
    this.moments = new Map();
    this.events = new Events(id);
    this.paint = oncePerFrame(() => !signal.aborted && this.#paint());
    this.graph = new GraphView({ onSelect: (step) => this.select(step) });
    this.timeline = new Timeline({ onSelect: (step, item) => this.select(step, item) });
    this.steps = new StepList({ onSelect: (step) => this.select(step) });
    this.log = new EventLog({ events: this.events, onSelect: (seq) => this.selectEvent(seq) });
    this.travel = new TimeTravel({ onGo: (at) => this.#travel(at) });
  }

  async begin() {
    const [now, plan] = await Promise.all([this.#read(), get(`${this.where}/plan`, { signal: this.signal })]);
    this.now = now;
    this.shown = now;
    this.travel.setLast(now.seq);
    this.#takePlan(plan);
    this.crumbs([{ text: 'Executions', href: '#/executions' }, { text: brief(now.execution_id, 13) }], now.name);
    this.#paint();
    this.#keys();
    listen(
      { execution: (row) => row.execution_id === this.id && this.#changed(row), reload: () => this.#refresh() },
      this.signal,
    );
    if (this.firstAt) this.travel.go(this.firstAt);
    if (this.step) this.#readStep();
    // Not needed for the first look.
    this.#readDecision();
    this.#readMore();
    const tick = setInterval(() => !hasEnded(this.now) && this.paint(), 1_000);
    this.signal.addEventListener('abort', () => {
      clearInterval(tick);
      this.travel.stop();
    });
  }

  #read(at) {
    return get(this.where + query({ at }), { signal: this.signal });
  }

  #takePlan(plan) {
    this.plan = plan;
    for (const node of plan.graph.nodes) node.nested = node.tool === 'plan.run';
    this.nodes = new Map(plan.graph.nodes.map((node) => [node.id, node]));
    this.order = new Map(plan.graph.nodes.map((node, i) => [node.id, i]));
    this.graph.setGraph(plan.graph, this.effects);
  }

  async #readDecision() {
    try {
      const { decision } = await get(`${this.where}/decision`, { signal: this.signal });
      this.decision = decision;
      this.effects = new Map(
        decision.steps.filter(({ purpose }) => purpose !== 'compensate').map(({ step, effect }) => [step, effect]),
      );
      this.graph.setGraph(this.plan.graph, this.effects);
      this.paint();
    } catch (error) {
      if (!isAborted(error)) this.decisionProblem = error;
    }
  }

  /** What the log and the slider's words need, and the timeline where it is looked at. */
  async #readMore() {
    try {
      await Promise.all([this.events.more(this.signal), this.tab === 'timeline' && this.#readTimeline()]);
      this.moreProblem = null;
    } catch (error) {
      if (isAborted(error)) return;
      this.moreProblem = error;
    }
    this.paint();
    if (this.event && !this.wholeEvent) this.selectEvent(this.event, { reveal: true });
  }

  async #readTimeline() {
    this.spans = await get(`${this.where}/timeline`, { signal: this.signal });
  }

  /** The server says that something happened. */
  async #changed(row) {
    if (row.last_seq != null && row.last_seq <= this.now.seq && row.state === this.now.state) return;
    await this.#refresh();
  }

  async #refresh() {
    if (this.refreshing) {
      this.refreshAgain = true;
      return;
    }
    this.refreshing = true;
    const began = performance.now();
    try {
      const before = this.now;
      this.now = await this.#read();
      if (this.now.revision !== before.revision || this.now.plan_hash !== before.plan_hash)
        this.#takePlan(await get(`${this.where}/plan`, { signal: this.signal }));
      this.travel.setLast(this.now.seq);
      if (this.travel.at === null) this.shown = this.now;
      this.#announce(before);
      this.paint();
      if (this.step && this.travel.at === null) this.#readStep();
      await this.#readMore();
    } catch (error) {
      if (isAborted(error)) return;
    } finally {
      // A large execution that changes all the time is read at the pace at which it can be read.
      setTimeout(
        () => {
          this.refreshing = false;
          if (this.refreshAgain && !this.signal.aborted) {
            this.refreshAgain = false;
            this.#refresh();
          }
        },
        Math.min(2_000, (performance.now() - began) * 2),
      );
    }
  }

  #announce(before) {
    if (before.state === this.now.state && before.status === this.now.status) return;
    announce(`${this.now.name}: ${words(this.now.status ?? this.now.state)}`);
  }

  async #travel(at) {
    setQuery({ at });
    this.paint();
    if (at === null) {
      this.shown = this.now;
      this.paint();
      if (this.step) this.#readStep();
      return;
    }
    try {
      const moment = await this.#moment(at);
      // Somebody may have slid on by then.
      if (this.travel.at !== at) return;
      this.shown = moment;
      this.paint();
      if (this.step) this.#readStep();
    } catch (error) {
      if (!isAborted(error)) this.moreProblem = error;
      this.paint();
    }
  }

  async #moment(at) {
    if (!this.moments.has(at)) {
      if (this.moments.size >= MOST_MOMENTS) this.moments.delete(this.moments.keys().next().value);
      const reading = this.#read(at);
      this.moments.set(at, reading);
      reading.catch(() => this.moments.delete(at));
    }
    return this.moments.get(at);
  }

  /** Looks at a step. */
  select(step, item = null) {
    const same = step === this.step && item === this.item;
    this.step = same && !PHONE.matches ? this.step : step;
    this.item = item;
    this.event = null;
    if (!same) this.told = null;
    setQuery({ step: this.step, item: this.item == null ? null : String(this.item), event: null });
    this.#readStep();
    this.paint();
  }

  /** Looks at an event. */
  async selectEvent(seq, options) {
    this.event = seq;
    this.step = null;
    this.wholeEvent = null;
    setQuery({ event: seq, step: null, item: null });
    this.log.select(seq, options);
    this.paint();
    try {
      this.wholeEvent = await this.events.whole(seq, this.signal);
    } catch (error) {
      if (!isAborted(error)) this.detailProblem = error;
    }
    this.paint();
  }

  close() {
    this.step = null;
    this.item = null;
    this.event = null;
    this.told = null;
    setQuery({ step: null, item: null, event: null });
    this.log.select(-1);
    this.paint();
  }

  async #readStep() {
    const asked = `${this.step} ${this.item} ${this.travel.at}`;
    this.asked = asked;
    try {
      const told = await readStep(this.id, this.step, { item: this.item, at: this.travel.at, signal: this.signal });
      if (this.asked !== asked) return;
      this.told = told;
      this.detailProblem = null;
    } catch (error) {
      if (isAborted(error) || this.asked !== asked) return;
      this.detailProblem = error;
    }
    this.paint();
  }

  #keys() {
    const key = (name, about, act) => bindHere(name, about, act, this.signal);
    for (const { name, label, key: digit } of TABS) key(digit, label, () => this.#show(name));
    key(',', 'one event back in the journal', () => this.travel.step(-1));
    key('.', 'one event on', () => this.travel.step(1));
    key('p', 'play the journal, or stop', () => this.travel.play());
    key('n', 'back to now', () => (this.travel.stop(), this.travel.go(null)));
    key('j', 'the next step', () => this.#nextStep(1));
    key('k', 'the step before', () => this.#nextStep(-1));
    key('Escape', 'close what is looked at', () => this.close());
  }

  #nextStep(by) {
    const all = [...this.order.keys()];
    const at = all.indexOf(this.step);
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + by));
    this.reveal = true;
    this.select(all[next]);
  }

  #show(tab) {
    this.tab = tab;
    if (tab === 'timeline') this.#readMore();
    this.reveal = true;
    setQuery({ tab: tab === 'graph' ? null : tab });
    this.paint();
  }

  #paint() {
    const { shown } = this;
    const past = this.travel.at !== null;
    const now = past ? (this.events.at(this.travel.at)?.at_ms ?? Date.now()) : Date.now();
    const states = statesOf(shown, now);
    const looking = this.step != null || this.event != null;
    render(
      this.root,
      executionHead(this.now, { past: past ? shown : null, decision: this.decision, onDone: () => this.#refresh() }),
      this.travel.view(this.events.at(this.travel.at ?? this.travel.last)),
      this.moreProblem && problemView(this.moreProblem, () => this.#refresh()),
      h(
        'div',
        { class: ['split', looking && 'is-split'] },
        h(
          'div',
          { class: 'split-main' },
          this.#tabs(),
          h(
            'div',
            {
              class: ['tab-panel', `is-${this.tab}`],
              id: 'tab-panel',
              role: 'tabpanel',
              'aria-labelledby': `tab-${this.tab}`,
            },
            this.#tabBody(states, now),
          ),
        ),
        looking &&
          h(
            'aside',
            { class: 'split-side', 'aria-label': this.step ? `Step ${this.step}` : `Event ${this.event}` },
            this.#detail(),
          ),
      ),
    );
    this.#feed(states, now);
  }

  #tabs() {
    const move = (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const at = TABS.findIndex(({ name }) => name === this.tab);
      const next = TABS[(at + by + TABS.length) % TABS.length].name;
      this.#show(next);
      requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById(`tab-${next}`)?.focus()));
    };
    return h(
      'div',
      { class: 'tabs', role: 'tablist', 'aria-label': 'Ways to look at it', onkeydown: move },
      TABS.map((tab) =>
        h(
          'button',
          {
            type: 'button',
            role: 'tab',
            id: `tab-${tab.name}`,
            class: ['tab', tab.name === this.tab && 'is-on'],
            'aria-selected': String(tab.name === this.tab),
            'aria-controls': 'tab-panel',
            tabIndex: tab.name === this.tab ? 0 : -1,
            onclick: () => this.#show(tab.name),
          },
          icon(tab.icon),
          tab.label,
        ),
      ),
    );
  }

  #tabBody(states, now) {
    if (this.tab === 'graph') return host(this.graph.element);
    if (this.tab === 'timeline')
      return this.spans ? host(this.timeline.element) : h('p', { class: 'dim pad' }, 'Reading…');
    if (this.tab === 'steps') return host(this.steps.element);
    if (this.tab === 'events') return host(this.log.element);
    return aboutTab(this.shown, { decision: this.decision, problem: this.decisionProblem, plan: this.plan, now });
  }

  /** Hands the moment that is shown to the view that is seen. */
  #feed(states, now) {
    const reveal = { reveal: this.reveal };
    if (this.tab === 'graph') {
      this.graph.setStates(states);
      this.graph.select(this.step, reveal);
    } else if (this.tab === 'timeline' && this.spans) {
      const until =
        this.travel.at !== null
          ? now
          : hasEnded(this.now)
            ? this.spans.until_ms
            : Math.max(now, this.spans.until_ms ?? 0);
      this.timeline.show({
        spans: this.spans.spans,
        order: this.order,
        states,
        from: this.spans.from_ms,
        until,
        at: this.travel.at,
      });
      this.timeline.select(this.step, reveal);
    } else if (this.tab === 'steps') {
      this.steps.show(shownSteps(this.shown, this.nodes), { nodes: this.nodes, effects: this.effects, now });
      this.steps.select(this.step, reveal);
    } else if (this.tab === 'events') {
      this.log.show(this.travel.at);
    }
    this.reveal = false;
  }

  #detail() {
    if (this.detailProblem)
      return h(
        'div',
        { class: 'detail' },
        problemView(this.detailProblem, () => this.close()),
      );
    if (this.event != null)
      return eventDetail(this.event, this.wholeEvent, {
        onClose: () => this.close(),
        onTravel: () => this.travel.go(this.event),
        at: this.travel.at,
      });
    if (this.told?.step.id !== this.step)
      return h('div', { class: 'detail' }, h('p', { class: 'dim pad' }, 'Reading…'));
    return stepDetail({
      told: this.told,
      node: this.nodes.get(this.step),
      item: this.item,
      acts: this.travel.at === null ? stepActs(this.now, this.told.step, this.item, () => this.#refresh()) : [],
      children: this.shown.children.filter((child) => child.step === this.step),
      onClose: () => this.close(),
      onItem: (item) => this.select(this.step, item),
    });
  }
}

/** Every step that is shown, fallback steps behind the step whose place they take. */
function shownSteps(execution, nodes) {
  const rows = new Map();
  for (const step of [...execution.steps, ...execution.finally]) {
    rows.set(step.id, step);
    for (const inner of step.fallback ?? []) rows.set(inner.id, inner);
  }
  return [...nodes.keys()].map((id) => rows.get(id) ?? { id, tool: nodes.get(id).tool, state: 'pending', attempts: 0 });
}

function statesOf(execution, now) {
  const states = new Map();
  const take = (step) => states.set(step.id, { state: step.state, note: stepNote(step, now) });
  for (const step of [...execution.steps, ...execution.finally]) {
    take(step);
    for (const inner of step.fallback ?? []) take(inner);
  }
  return states;
}
