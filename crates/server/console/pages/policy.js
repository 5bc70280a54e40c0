// The policy in force, rule by rule, and a place to try another one: type-checked, against a plan, and against everything
// that has happened.

import { get, isAborted, post } from '../api.js';
import { backtestView } from '../backtest-view.js';
import { decisionView, section } from '../decision-view.js';
import { h, host, oncePerFrame, render } from '../dom.js';
import { Editor } from '../editor.js';
import { icon } from '../icons.js';
import { problemView, prose, violationList } from '../problem-view.js';
import { setQuery } from '../router.js';
import { chip } from '../states.js';
import { brief, count, list } from '../text.js';
import { parseSpan } from '../time.js';

const STILL_MS = 400;

/** Shows the page. */
export async function open({ root, query: asked, signal, crumbs }) {
  crumbs([{ text: 'Policy' }]);
  const page = new PolicyPage(root, signal, asked);
  await page.begin();
}

class PolicyPage {
  constructor(root, signal, asked) {
    Object.assign(this, { root, signal });
    this.tab = asked.get('tab') === 'try' ? 'try' : 'active';
    this.rule = asked.get('rule');
    this.since = '';
    this.paint = oncePerFrame(() => !signal.aborted && this.#paint());
    this.policy = new Editor({
      label: 'Policy, Cedar',
      rows: 20,
      onInput: () => this.#later(),
      onProblem: (error) => this.#failed(error),
    });
    this.definitions = new Editor({
      label: 'Definitions, policy.toml',
      rows: 8,
      onInput: () => this.#later(),
      onProblem: (error) => this.#failed(error),
    });
    this.plan = new Editor({
      label: 'A plan to evaluate, YAML or JSON',
      rows: 12,
      placeholder: 'Paste a plan, or choose one above',
      onInput: () => ((this.said = null), this.paint()),
      onProblem: (error) => this.#failed(error),
    });
  }

  async begin() {
    const [policies, plans] = await Promise.all([
      get('/v1/policies', { signal: this.signal }),
      get('/v1/plans?limit=50', { signal: this.signal }).catch(() => ({ plans: [] })),
    ]);
    this.policies = policies;
    this.plans = plans.plans;
    this.#copy();
    this.#paint();
    const marked = this.rule && document.getElementById(`rule-${this.rule}`);
    if (!marked) return;
    marked.open = true;
    marked.scrollIntoView({ block: 'center' });
  }

  /** The texts in force, as one to edit. */
  #copy() {
    const sources = this.policies.sources.flat();
    const cedar = sources.filter(({ name }) => name.endsWith('.cedar'));
    this.policy.value = cedar.map(({ name, text }) => (cedar.length > 1 ? `// ${name}\n${text}` : text)).join('\n');
    this.definitions.value = sources
      .filter(({ name }) => name.endsWith('.toml'))
      .map(({ text }) => text)
      .join('\n');
  }

  #candidate() {
    const definitions = this.definitions.value.trim();
    return { policy: this.policy.value, ...(definitions && { definitions }) };
  }

  #failed(error) {
    if (isAborted(error)) return;
    this.problem = error;
    this.busy = null;
    this.paint();
  }

  #later() {
    this.said = null;
    this.report = null;
    clearTimeout(this.wait);
    this.wait = setTimeout(() => this.#check(), STILL_MS);
    this.paint();
  }

  async #check() {
    const body = this.#candidate();
    try {
      const checked = await post('/v1/policies:check', body, { signal: this.signal });
      if (JSON.stringify(body) !== JSON.stringify(this.#candidate())) return;
      this.checked = checked;
      const marks = (of) =>
        new Map(
          [
            ...(checked.warnings ?? []).map((one) => [one, 'warning']),
            ...(checked.errors ?? []).map((one) => [one, 'error']),
          ]
            .filter(([one]) => of(one) && one.line)
            .map(([one, mark]) => [one.line, mark]),
        );
      const isToml = ({ file }) => String(file ?? '').endsWith('.toml');
      this.policy.mark(marks((one) => !isToml(one)));
      this.definitions.mark(marks(isToml));
      this.problem = null;
      this.paint();
    } catch (error) {
      this.#failed(error);
    }
  }

  async #do(what, act) {
    this.busy = what;
    this.problem = null;
    this.paint();
    try {
      await act();
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.busy = null;
    this.paint();
  }

  #evaluate() {
    return this.#do('evaluate', async () => {
      const chosen = this.chosen && !this.plan.value.trim() ? { plan_hash: this.chosen } : { plan: this.plan.value };
      const { decision } = await post(
        '/v1/plans:evaluate',
        { ...chosen, ...this.#candidate() },
        { signal: this.signal },
      );
      this.said = decision;
    });
  }

  #backtest() {
    return this.#do('backtest', async () => {
      const span = this.since ? parseSpan(this.since) : null;
      if (this.since && span == null)
        throw Object.assign(new Error(`\`${this.since}\` is no time span`), { remedy: 'write `30d`, `12h` or `90m`' });
      this.report = await post(
        '/v1/policies:backtest',
        { ...this.#candidate(), ...(span && { since_ms: Date.now() - span }) },
        { signal: this.signal },
      );
    });
  }

  #paint() {
    const tab = (name, label) =>
      h(
        'button',
        {
          type: 'button',
          class: ['segment', this.tab === name && 'is-on'],
          'aria-pressed': String(this.tab === name),
          onclick: () => this.#show(name),
        },
        label,
      );
    render(
      this.root,
      h(
        'div',
        { class: 'toolbar' },
        h(
          'div',
          { class: 'segments', role: 'group', 'aria-label': 'What is shown' },
          tab('active', 'In force'),
          tab('try', 'Playground'),
        ),
        h(
          'span',
          { class: 'dim' },
          'version ',
          h('code', { title: this.policies.version }, brief(this.policies.version, 16)),
        ),
      ),
      h('h2', { class: 'unseen' }, this.tab === 'active' ? 'The policy in force' : 'Another policy'),
      this.tab === 'active' ? this.#active() : this.#try(),
    );
  }

  #show(tab) {
    this.tab = tab;
    setQuery({ tab: tab === 'active' ? null : tab });
    if (tab === 'try' && !this.checked) this.#check();
    this.paint();
  }

  #active() {
    const { sets, limits } = this.policies;
    const shown = Object.entries(limits ?? {}).filter(([, value]) => value != null);
    return h(
      'div',
      { class: 'policy-active' },
      sets.length > 1 && h('p', { class: 'dim' }, `${sets.length} sets are in force, and all of them must allow.`),
      sets.map((set, i) =>
        h(
          'section',
          { class: 'part', key: i },
          h(
            'h3',
            null,
            sets.length > 1 ? `Set ${i + 1}: ${count(set.rules.length, 'rule')}` : count(set.rules.length, 'rule'),
          ),
          h(
            'div',
            { class: 'rules' },
            set.rules.map((rule) => this.#rule(rule)),
          ),
          (this.policies.sources[i] ?? []).map(({ name, text }) =>
            h(
              'details',
              { class: 'source', key: name },
              h('summary', null, icon('plans'), h('code', null, name)),
              h('pre', { class: 'text', tabIndex: 0, role: 'group', 'aria-label': name }, text),
            ),
          ),
        ),
      ),
      shown.length > 0 &&
        section(
          'Limits',
          h(
            'dl',
            { class: 'facts' },
            shown.map(([name, value]) => [
              h('dt', null, h('code', null, name)),
              h('dd', null, typeof value === 'object' ? JSON.stringify(value) : String(value)),
            ]),
          ),
        ),
      h(
        'p',
        null,
        h('button', { type: 'button', class: 'button is-accent', onclick: () => this.#show('try') }, 'Try a change'),
      ),
    );
  }

  #rule(rule) {
    return h(
      'details',
      { class: ['rule', rule.id === this.rule && 'is-marked'], id: `rule-${rule.id}`, key: rule.id },
      h(
        'summary',
        null,
        chip(rule.outcome),
        h('code', null, rule.id),
        h('span', { class: 'rule-message' }, prose(rule.message)),
        rule.absolute && chip('absolute', 'bad'),
      ),
      h(
        'dl',
        { class: 'facts' },
        rule.severity && [h('dt', null, 'Severity'), h('dd', null, rule.severity)],
        rule.approvers?.length > 0 && [h('dt', null, 'Approved by'), h('dd', null, list(rule.approvers.map(String)))],
        rule.reads?.length > 0 && [
          h('dt', null, 'Looks at'),
          h(
            'dd',
            null,
            rule.reads.map((name, i) => [i > 0 && ', ', h('code', null, name)]),
          ),
        ],
        rule.file && [
          h('dt', null, 'Written in'),
          h('dd', { class: 'mono' }, [rule.file, rule.line, rule.column].filter((part) => part != null).join(':')),
        ],
      ),
    );
  }

  #try() {
    const { checked } = this;
    const wrong = [
      ...(checked?.errors ?? []),
      ...(checked?.warnings ?? []).map((one) => ({ ...one, level: 'warning' })),
    ];
    const ready = Boolean(checked?.valid);
    const goTo = (one) => (line, column) =>
      (String(one.file ?? '').endsWith('.toml') ? this.definitions : this.policy).goTo(line, column);
    return h(
      'div',
      { class: 'workbench' },
      h(
        'section',
        { class: 'workbench-text', 'aria-label': 'The policy that is tried' },
        h(
          'div',
          { class: 'row' },
          h(
            'button',
            { type: 'button', class: 'button', onclick: () => this.#copy() },
            icon('rerun'),
            'Back to what is in force',
          ),
          checked
            ? h(
                'span',
                { class: ready ? 'look-good' : 'look-bad', role: 'status' },
                ready ? `Sound: ${count(checked.rules ?? 0, 'rule')}` : count(checked.errors.length, 'error'),
              )
            : h('span', { class: 'dim', role: 'status' }, 'Checking…'),
        ),
        host(this.policy.element),
        wrong.length > 0 &&
          h(
            'section',
            { class: 'part' },
            h('h3', null, 'To put right'),
            wrong.map((one) => violationList([one], goTo(one))),
          ),
        h(
          'details',
          { class: 'part' },
          h('summary', null, h('h3', null, 'Definitions (policy.toml)')),
          host(this.definitions.element),
        ),
      ),
      h(
        'section',
        { class: 'workbench-side', 'aria-label': 'What it would say' },
        this.problem && problemView(this.problem),
        section(
          'A plan under this policy',
          this.plans.length > 0 &&
            h(
              'label',
              { class: 'field' },
              h('span', { class: 'label' }, 'A plan that was submitted'),
              h(
                'select',
                {
                  value: this.chosen ?? '',
                  onchange: (event) => ((this.chosen = event.target.value), (this.said = null), this.paint()),
                },
                h('option', { value: '' }, 'none: the text below'),
                this.plans.map(({ plan_hash: hash, name }) =>
                  h('option', { value: hash }, `${name} (${brief(hash, 8)})`),
                ),
              ),
            ),
          !this.chosen && host(this.plan.element),
          h(
            'div',
            { class: 'row' },
            h(
              'button',
              {
                type: 'button',
                class: 'button is-accent',
                disabled: !ready || Boolean(this.busy) || (!this.chosen && !this.plan.value.trim()),
                onclick: () => this.#evaluate(),
              },
              icon('shield'),
              this.busy === 'evaluate' ? 'Evaluating…' : 'Evaluate',
            ),
          ),
          this.said && h('div', { 'aria-live': 'polite' }, decisionView(this.said)),
        ),
        section(
          'What has happened under this policy',
          h(
            'p',
            { class: 'dim' },
            'Everything in the journal is judged again by this policy. Nothing runs and nothing is written.',
          ),
          h(
            'div',
            { class: 'row' },
            h(
              'label',
              { class: 'filter' },
              h('span', { class: 'unseen' }, 'Since'),
              h('input', {
                type: 'text',
                placeholder: 'Since: 30d (all of it)',
                value: this.since,
                oninput: (event) => (this.since = event.target.value.trim()),
              }),
            ),
            h(
              'button',
              {
                type: 'button',
                class: 'button is-accent',
                disabled: !ready || Boolean(this.busy),
                onclick: () => this.#backtest(),
              },
              icon('time'),
              this.busy === 'backtest' ? 'Replaying…' : 'Replay history',
            ),
          ),
          this.report && backtestView(this.report),
        ),
      ),
    );
  }
}
