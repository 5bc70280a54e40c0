// The journal as a whole: whether its chain holds, its head, what happened last, and taking it elsewhere.

import { get, isAborted, post, query } from '../api.js';
import { commandLine } from '../command-line.js';
import { section } from '../decision-view.js';
import { h, oncePerFrame, render } from '../dom.js';
import { lookOfEvent } from '../event-log.js';
import { icon } from '../icons.js';
import { jsonView } from '../json-view.js';
import { problemView, prose } from '../problem-view.js';
import { to } from '../router.js';
import { may } from '../session.js';
import { brief, count, words } from '../text.js';
import { parseSpan, showAge, showTime, wholeTime } from '../time.js';

const PAGE = 100;

/** Shows the page. */
export async function open({ root, signal, crumbs }) {
  crumbs([{ text: 'Audit' }]);
  const page = new AuditPage(root, signal);
  await page.begin();
}

class AuditPage {
  constructor(root, signal) {
    Object.assign(this, { root, signal });
    this.events = [];
    this.next = null;
    this.system = true;
    this.selection = {};
    this.paint = oncePerFrame(() => !signal.aborted && this.#paint());
  }

  async begin() {
    if (!may('audit')) {
      this.#paint();
      return;
    }
    await Promise.all([this.#head(), this.#log(true)]);
    this.#paint();
  }

  async #head() {
    try {
      this.head = await get('/v1/audit/head', { signal: this.signal });
    } catch (error) {
      if (!isAborted(error)) this.problem = error;
    }
  }

  async #log(anew) {
    try {
      const { events, next_before: next } = await get(
        `/v1/audit/events${query({
          newest: 'true',
          limit: PAGE,
          execution: this.system ? 'system' : null,
          before: anew ? null : this.next,
        })}`,
        { signal: this.signal },
      );
      this.events = anew ? events : [...this.events, ...events];
      this.next = next;
      this.logProblem = null;
    } catch (error) {
      if (!isAborted(error)) this.logProblem = error;
    }
    this.paint();
  }

  async #verify() {
    this.verifying = true;
    this.verifyProblem = null;
    this.paint();
    try {
      const head = this.kept?.trim();
      this.verified = {
        ...(await post('/v1/audit:verify', head ? { head } : {}, { signal: this.signal })),
        at_ms: Date.now(),
      };
      await this.#head();
    } catch (error) {
      if (isAborted(error)) return;
      this.verifyProblem = error;
    }
    this.verifying = false;
    this.paint();
  }

  #paint() {
    if (!may('audit')) {
      render(
        this.root,
        h(
          'div',
          { class: 'empty' },
          icon('audit'),
          h('h2', null, 'Your log-in may not audit'),
          h(
            'p',
            null,
            'The journal as a whole is for the roles auditor and admin. Each execution’s own events are on its page.',
          ),
          commandLine('mandate keys create NAME --role auditor'),
        ),
      );
      return;
    }
    render(
      this.root,
      h('h2', { class: 'unseen' }, 'The journal'),
      this.problem && problemView(this.problem, () => this.begin()),
      h('div', { class: 'audit' }, h('div', { class: 'audit-side' }, this.#chain(), this.#export()), this.#events()),
    );
  }

  #chain() {
    const { verified, head } = this;
    const report = verified?.report;
    const state = !verified ? 'unknown' : verified.intact ? 'good' : 'bad';
    return h(
      'section',
      { class: ['chain', `is-${state}`], 'aria-label': 'Chain' },
      h(
        'div',
        { class: 'chain-state', role: 'status' },
        icon(state === 'bad' ? 'warn' : state === 'good' ? 'check' : 'audit'),
        h(
          'strong',
          null,
          this.verifying
            ? 'Verifying…'
            : !verified
              ? 'Not verified yet'
              : verified.intact
                ? 'Intact'
                : `${count(report.total_findings, 'finding')}`,
        ),
        verified && h('span', { class: 'dim' }, showAge(verified.at_ms)),
      ),
      report &&
        h(
          'p',
          { class: 'dots dim' },
          [
            ['events', 'event'],
            ['executions', 'execution'],
            ['commits', 'commit'],
            ['plans', 'plan'],
            ['blobs', 'blob'],
          ].map(([name, one]) => report[name] != null && h('span', null, count(report[name], one))),
        ),
      report?.findings?.length > 0 &&
        h(
          'ul',
          { class: 'plain findings' },
          report.findings.map((finding) =>
            h(
              'li',
              { class: 'look-bad' },
              icon('close'),
              ' ',
              typeof finding === 'string' ? prose(finding) : jsonView(finding, { name: 'finding' }),
            ),
          ),
        ),
      h('p', { class: 'dim' }, 'Every row, commit, plan and blob is read, and every hash and code worked out again.'),
      h(
        'label',
        { class: 'field' },
        h('span', { class: 'label' }, 'Against a head kept elsewhere'),
        h('input', {
          type: 'text',
          class: 'mono',
          placeholder: 'NUMBER:HASH',
          value: this.kept ?? '',
          spellcheck: 'false',
          oninput: (event) => (this.kept = event.target.value),
        }),
        h('span', { class: 'hint' }, 'Only this finds that the whole directory was put back to an older copy.'),
      ),
      h(
        'button',
        { type: 'button', class: 'button is-accent', disabled: this.verifying, onclick: () => this.#verify() },
        icon('check'),
        'Verify the journal',
      ),
      this.verifyProblem && problemView(this.verifyProblem),
      head &&
        section(
          'Head',
          commandLine(`${head.head.number}:${head.head.hash}`),
          head.public_key &&
            h(
              'dl',
              { class: 'facts small' },
              h('dt', null, 'Public key'),
              h('dd', { class: 'mono digest' }, head.public_key),
            ),
        ),
    );
  }

  #export() {
    const set = (name) => (event) => {
      this.selection[name] = event.target.value.trim();
      this.paint();
    };
    const span = this.selection.since ? parseSpan(this.selection.since) : null;
    const parameters = {
      execution: this.selection.execution,
      since: span ? Date.now() - span : this.selection.since,
      format: this.selection.format ?? 'jsonl',
    };
    return section(
      'Export',
      h(
        'p',
        { class: 'dim' },
        'Signed JSON Lines that can be verified without this journal: ',
        h('code', null, 'mandate audit verify --export FILE'),
        '.',
      ),
      h(
        'label',
        { class: 'field' },
        h('span', { class: 'label' }, 'Format'),
        h(
          'select',
          { value: this.selection.format ?? 'jsonl', onchange: set('format') },
          h('option', { value: 'jsonl' }, 'JSON Lines, verifiable'),
          h('option', { value: 'cloudevents' }, 'CloudEvents'),
        ),
      ),
      h(
        'label',
        { class: 'field' },
        h('span', { class: 'label' }, 'Execution'),
        h('input', {
          type: 'text',
          class: 'mono',
          placeholder: 'all',
          value: this.selection.execution ?? '',
          oninput: set('execution'),
        }),
      ),
      h(
        'label',
        { class: 'field' },
        h('span', { class: 'label' }, 'Since'),
        h('input', {
          type: 'text',
          placeholder: 'the beginning; or 7d',
          value: this.selection.since ?? '',
          oninput: set('since'),
        }),
      ),
      h(
        'a',
        {
          class: 'button',
          href: `/v1/audit/export${query(parameters)}`,
          download: `mandate-audit.${parameters.format === 'jsonl' ? 'jsonl' : 'cloudevents.jsonl'}`,
        },
        icon('download'),
        'Download',
      ),
    );
  }

  #events() {
    const choose = (system) => () => {
      this.system = system;
      this.#log(true);
    };
    const tab = (system, label) =>
      h(
        'button',
        {
          type: 'button',
          class: ['segment', this.system === system && 'is-on'],
          'aria-pressed': String(this.system === system),
          onclick: choose(system),
        },
        label,
      );
    const shown = this.events;
    return h(
      'section',
      { class: 'audit-events', 'aria-label': 'Newest events' },
      h(
        'div',
        { class: 'toolbar' },
        h(
          'div',
          { class: 'segments', role: 'group', 'aria-label': 'Which events' },
          tab(true, 'System'),
          tab(false, 'All'),
        ),
      ),
      this.logProblem && problemView(this.logProblem, () => ((this.logProblem = null), this.#log(true))),
      shown.length > 0
        ? h(
            'div',
            { class: 'table-scroll', tabIndex: 0, role: 'group', 'aria-label': 'Events' },
            h(
              'table',
              { class: 'table events-table' },
              h(
                'thead',
                null,
                h(
                  'tr',
                  null,
                  ['#', 'Time', 'Where', 'Kind', 'What', 'Hash'].map((name) => h('th', { scope: 'col' }, name)),
                ),
              ),
              h(
                'tbody',
                null,
                shown.map((event) => eventRow(event)),
              ),
            ),
          )
        : h(
            'p',
            { class: 'dim pad' },
            this.system ? 'Nothing yet of keys, policies, tools, log-ins or the freeze.' : 'Nothing yet.',
          ),
      this.next != null &&
        h(
          'div',
          { class: 'more' },
          h('button', { type: 'button', class: 'button', onclick: () => this.#log(false) }, 'Older ones'),
        ),
    );
  }
}

function eventRow(event) {
  const system = event.execution_id === 'system';
  return h(
    'tr',
    { key: `${event.execution_id} ${event.seq}` },
    h('td', { class: 'mono dim' }, event.gseq ?? event.seq),
    h('td', { class: 'mono dim', title: wholeTime(event.at_ms) }, showTime(event.at_ms)),
    h(
      'td',
      { class: 'mono' },
      system
        ? h('span', { class: 'dim' }, 'system')
        : h(
            'a',
            { href: to(['executions', event.execution_id], { tab: 'events', event: event.seq }) },
            brief(event.execution_id, 13),
          ),
    ),
    h('td', { class: `look-${lookOfEvent(event.kind)}` }, words(event.kind)),
    h('td', { class: 'cell-about' }, event.summary || shortData(event.data)),
    h(
      'td',
      { class: 'mono dim', title: event.hash },
      brief(event.hash, 8),
      event.commit != null && ` #${event.commit}`,
    ),
  );
}

/** The short values of what an event carries, by name. */
function shortData(data) {
  return Object.entries(data ?? {})
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value) && String(value).length <= 80)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}
