// A plan that is pasted, uploaded or written: checked while it is written, evaluated, run.

import { isAborted, post } from '../api.js';
import { h, host, oncePerFrame, render } from '../dom.js';
import { Editor } from '../editor.js';
import { GraphView } from '../graph/view.js';
import { icon } from '../icons.js';
import { problemView, violationList } from '../problem-view.js';
import { SubmitForm } from '../submit-form.js';
import { brief, count } from '../text.js';

const STILL_MS = 350;

const SAMPLE = `version: 1
name: Collect the open tasks
steps:
  - id: find
    tool: fs.search
    args: { path: ".", pattern: "OPEN: .*", glob: "**/*.md" }
`;

/** Shows the page. */
export async function open({ root, signal, crumbs }) {
  crumbs([{ text: 'Plans', href: '#/plans' }, { text: 'New plan' }]);
  const page = { checked: null, problem: null, checking: false };
  const graph = new GraphView({ label: 'The plan that is written, as a graph' });
  const file = h('input', {
    type: 'file',
    class: 'unseen',
    tabIndex: -1,
    'aria-label': 'A plan’s file',
    accept: '.yaml,.yml,.json',
    onchange: () => file.files[0] && editor.read(file.files[0]),
  });
  let wait = null;
  let asked = null;
  const editor = new Editor({
    label: 'The plan, YAML or JSON',
    placeholder: 'Paste a plan, or drop a file here',
    rows: 24,
    onInput: () => {
      form.forget();
      clearTimeout(wait);
      wait = setTimeout(check, STILL_MS);
      paint();
    },
    onProblem: (error) => ((page.problem = error), paint()),
  });
  const paint = oncePerFrame(() => !signal.aborted && show());
  const form = new SubmitForm({ source: () => ({ plan: editor.value }), paint, signal });
  async function check() {
    const text = editor.value;
    asked?.abort();
    if (!text.trim()) {
      page.checked = null;
      paint();
      return;
    }
    asked = new AbortController();
    try {
      const checked = await post('/v1/plans:validate', { plan: text }, { signal: asked.signal });
      if (editor.value !== text || signal.aborted) return;
      page.checked = checked;
      page.problem = null;
      editor.mark(marksOf(checked.violations));
      form.setInputs(checked.plan?.plan?.inputs);
      if (checked.plan?.graph) graph.setGraph(checked.plan.graph);
    } catch (error) {
      if (isAborted(error)) return;
      // What cannot even be read as YAML or JSON has its place, too.
      page.checked = error.details?.violations
        ? { valid: false, violations: error.details.violations, plan: null }
        : null;
      page.problem = error.details?.violations ? null : error;
      editor.mark(marksOf(error.details?.violations ?? []));
    }
    paint();
  }
  function show() {
    const { checked } = page;
    render(
      root,
      h('h2', { class: 'unseen' }, 'A plan to check, evaluate and run'),
      h(
        'div',
        { class: 'workbench' },
        h(
          'section',
          { class: 'workbench-text', 'aria-label': 'The plan' },
          h(
            'div',
            { class: 'row' },
            h(
              'button',
              { type: 'button', class: 'button', onclick: () => file.click() },
              icon('upload'),
              'Upload a file',
            ),
            host(file),
            !editor.value &&
              h(
                'button',
                { type: 'button', class: 'button', onclick: () => (editor.value = SAMPLE) },
                'Begin with a small one',
              ),
            standing(page, editor.value),
          ),
          host(editor.element),
        ),
        h(
          'section',
          { class: 'workbench-side', 'aria-label': 'What it would do' },
          page.problem && problemView(page.problem, check),
          checked?.violations?.length > 0 &&
            h(
              'section',
              { class: 'part' },
              h('h3', null, checked.valid ? 'To look at' : 'To put right'),
              violationList(checked.violations, (line, column) => editor.goTo(line, column)),
            ),
          form.view(Boolean(checked?.valid)),
          checked?.plan?.graph &&
            h(
              'section',
              { class: 'part' },
              h('h3', null, 'As a graph'),
              h('div', { class: 'graph-small' }, host(graph.element)),
            ),
        ),
      ),
    );
  }
  signal.addEventListener('abort', () => {
    clearTimeout(wait);
    asked?.abort();
  });
  show();
  editor.field.focus();
}

function standing({ checked }, text) {
  if (!text.trim()) return null;
  if (!checked) return h('span', { class: 'dim', role: 'status' }, 'Checking…');
  const errors = checked.violations.filter(({ level }) => level !== 'warning').length;
  return h(
    'span',
    { class: checked.valid ? 'look-good' : 'look-bad', role: 'status' },
    checked.valid
      ? ['Valid', checked.plan_hash && h('code', { class: 'dim' }, ` ${brief(checked.plan_hash)}`)]
      : count(errors, 'thing to put right', 'things to put right'),
  );
}

function marksOf(violations) {
  const marks = new Map();
  for (const { line, level } of violations) {
    if (!line) continue;
    const mark = level === 'warning' ? 'warning' : 'error';
    if (marks.get(line) !== 'error') marks.set(line, mark);
  }
  return marks;
}
