// A text that is edited: with line numbers, marks at lines that are wrong, and files that can be dropped onto it.

import { h, render } from './dom.js';

/** Up to the limit of the server. */
const MOST_BYTES = 4 * 1024 * 1024;

/** An editor. `onInput(text)` hears of every change, `onProblem(error)` of files that cannot be read. */
export class Editor {
  constructor({ label, value = '', placeholder = '', rows = 18, onInput = () => {}, onProblem = () => {} }) {
    this.onInput = onInput;
    this.onProblem = onProblem;
    this.marks = new Map();
    this.gutter = h('pre', { class: 'editor-gutter', 'aria-hidden': 'true' });
    this.field = h('textarea', {
      class: 'editor-field',
      'aria-label': label,
      placeholder,
      rows,
      spellcheck: 'false',
      autocomplete: 'off',
      autocapitalize: 'off',
      wrap: 'off',
      oninput: () => this.#changed(),
      onscroll: () => (this.gutter.scrollTop = this.field.scrollTop),
      onkeydown: (event) => this.#key(event),
    });
    this.field.value = value;
    this.element = h('div', { class: 'editor' }, this.gutter, this.field);
    this.element.addEventListener('dragover', (event) => {
      event.preventDefault();
      this.element.classList.add('is-over');
    });
    this.element.addEventListener('dragleave', () => this.element.classList.remove('is-over'));
    this.element.addEventListener('drop', (event) => {
      event.preventDefault();
      this.element.classList.remove('is-over');
      const [file] = event.dataTransfer.files;
      if (file) this.read(file);
    });
    this.#numbers();
  }

  /** What is written. */
  get value() {
    return this.field.value;
  }

  set value(text) {
    if (this.field.value === text) return;
    this.field.value = text;
    this.#changed();
  }

  /** Marks lines: number → `error` or `warning`. */
  mark(marks) {
    this.marks = marks;
    this.#numbers(true);
  }

  /** Puts the cursor somewhere. */
  goTo(line, column) {
    const lines = this.field.value.split('\n');
    const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    const at = Math.min(before + column - 1, this.field.value.length);
    this.field.focus();
    this.field.setSelectionRange(at, at);
    const height = this.field.scrollHeight / Math.max(1, lines.length);
    this.field.scrollTop = Math.max(0, (line - 4) * height);
  }

  /** Takes a file's text. */
  async read(file) {
    if (file.size > MOST_BYTES) {
      this.onProblem(
        Object.assign(new Error(`${file.name} is larger than 4 MiB`), { remedy: 'a plan has at most 4 MiB' }),
      );
      return;
    }
    this.value = await file.text();
  }

  #changed() {
    this.marks = new Map();
    this.#numbers(true);
    this.onInput(this.field.value);
  }

  #numbers(anew = false) {
    const many = this.field.value.split('\n').length;
    if (!anew && this.many === many) return;
    this.many = many;
    const lines = [];
    for (let line = 1; line <= many; line += 1) {
      const mark = this.marks.get(line);
      lines.push(mark ? h('span', { class: `mark-${mark}` }, `${line}`) : `${line}`, '\n');
    }
    render(this.gutter, lines);
    this.gutter.scrollTop = this.field.scrollTop;
  }

  /** Two spaces for the tab key; escape leaves, so that nobody is caught. */
  #key(event) {
    if (event.key !== 'Tab' || event.shiftKey || this.leaving) {
      this.leaving = event.key === 'Escape';
      return;
    }
    event.preventDefault();
    this.field.setRangeText('  ', this.field.selectionStart, this.field.selectionEnd, 'end');
    this.#changed();
  }
}
