// Long lists of which only the part is built that is seen. Rows are of one height, which the style sheet gives.

import { h, render } from './dom.js';

/** Rows beyond the edge, so that scrolling shows no gap. */
const BEYOND = 8;

/**
 * A list. `row(i)` builds the content of a row, `onOpen(i)` hears which was chosen, `height` is a row's, in pixels.
 */
export class Windowed {
  constructor({ label, row, onOpen = () => {}, height = 34, head = null, name = 'rows' }) {
    this.row = row;
    this.onOpen = onOpen;
    this.height = height;
    this.name = name;
    this.count = 0;
    this.active = -1;
    this.marked = -1;
    this.inner = h('div', { class: 'windowed-inner', role: 'listbox', tabIndex: 0, 'aria-label': label });
    this.element = h('div', { class: 'windowed' }, head, this.inner);
    this.element.$keep = `windowed-${name}`;
    this.element.addEventListener('scroll', () => this.paint(), { passive: true });
    this.inner.addEventListener('keydown', (event) => this.#key(event));
    this.inner.addEventListener(
      'focus',
      () => this.active < 0 && this.count > 0 && this.activate(Math.max(0, this.marked)),
    );
    this.inner.addEventListener('click', (event) => {
      const at = Number(event.target.closest('[data-at]')?.dataset.at ?? -1);
      if (at < 0) return;
      this.activate(at);
      this.onOpen(at);
    });
    new ResizeObserver(() => this.paint()).observe(this.element);
  }

  /** How many rows there are. */
  setCount(count) {
    this.count = count;
    this.inner.style.setProperty('--rows-height', `${count * this.height}px`);
    if (this.active >= count) this.active = count - 1;
    this.paint();
  }

  /** Which row is the chosen one; -1: none. */
  mark(at, { reveal = false } = {}) {
    this.marked = at;
    if (reveal && at >= 0) this.reveal(at);
    this.paint();
  }

  /** Brings a row into sight. */
  reveal(at) {
    const top = at * this.height;
    const room = this.element.clientHeight - this.#headHeight();
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + this.height > this.element.scrollTop + room) this.element.scrollTop = top + this.height - room;
  }

  /** Makes a row the one that keys act on. */
  activate(at) {
    this.active = Math.max(0, Math.min(this.count - 1, at));
    this.reveal(this.active);
    this.paint();
  }

  /** Whether somebody went to the end of the list: then it follows what is added. */
  followsEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    return scrollTop > 0 && scrollTop + clientHeight >= scrollHeight - this.height;
  }

  /** Goes to the end. */
  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
  }

  /** Builds what is seen. */
  paint() {
    const from = Math.max(0, Math.floor(this.element.scrollTop / this.height) - BEYOND);
    const room = (this.element.clientHeight || 400) / this.height;
    const until = Math.min(this.count, Math.ceil(this.element.scrollTop / this.height + room) + BEYOND);
    const rows = [];
    for (let at = from; at < until; at += 1) rows.push(this.#rowAt(at));
    render(this.inner, rows);
    const shown = this.active >= from && this.active < until;
    if (shown) this.inner.setAttribute('aria-activedescendant', `${this.name}-${this.active}`);
    else this.inner.removeAttribute('aria-activedescendant');
  }

  #rowAt(at) {
    return h(
      'div',
      {
        key: at,
        id: `${this.name}-${at}`,
        class: ['windowed-row', at === this.active && 'is-active', at === this.marked && 'is-marked'],
        role: 'option',
        'aria-selected': String(at === this.marked),
        'aria-setsize': this.count,
        'aria-posinset': at + 1,
        'data-at': at,
        vars: { '--row-y': `${at * this.height}px` },
      },
      this.row(at),
    );
  }

  #headHeight() {
    return this.inner.offsetTop - this.element.offsetTop;
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 1);
    const by = {
      ArrowDown: 1,
      j: 1,
      ArrowUp: -1,
      k: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.count,
      End: this.count,
    }[event.key];
    if (by) this.activate(this.active + by);
    else if (event.key === 'Enter' || event.key === ' ') this.onOpen(this.active);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
