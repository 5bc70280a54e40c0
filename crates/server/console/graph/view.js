// A plan as a graph that shows where its steps are. The drawing is built once; states only change classes and signs, so
// that a live execution costs nothing to look at.

import { h, render, svg } from '../dom.js';
import { icon } from '../icons.js';
import { count } from '../text.js';
import { drawn, pieces } from './groups.js';
import { layOut } from './layout.js';
import { Minimap } from './minimap.js';
import { NODE, PIECE, pieceNode, stepNode } from './node.js';
import { PanZoom } from './pan-zoom.js';
import { onShelf, shelfSize } from './shelf.js';

/** Between the steps and what runs in the end. */
const FINALLY_GAP = 72;
const PAN = 80;
/** States that somebody should see at once. */
const NOTED = new Set(['running', 'waiting', 'in_doubt', 'failed', 'blocked']);

/** A graph. `onSelect(id)` hears which step was chosen. */
export class GraphView {
  constructor({ onSelect = () => {}, label = 'The plan as a graph' } = {}) {
    this.onSelect = onSelect;
    this.states = new Map();
    this.open = new Set();
    this.parts = new Map();
    this.selected = null;
    this.content = svg('g', { class: 'graph-content' });
    this.frame = svg(
      'svg',
      {
        class: 'graph-frame',
        role: 'group',
        tabindex: 0,
        'aria-label': `${label}: arrows move from step to step, enter opens`,
      },
      arrowHeads(),
      this.content,
    );
    this.minimap = new Minimap((x, y) => this.move.centre(x, y));
    this.tools = h('div', { class: 'graph-tools' });
    this.element = h('div', { class: 'graph', keep: 'graph' }, this.frame, this.tools, this.minimap.element);
    this.move = new PanZoom(this.frame, this.content, () => this.minimap.look(this.move.seen()));
    this.frame.addEventListener('click', (event) => this.#press(event.target.closest('.node')));
    this.frame.addEventListener('keydown', (event) => this.#key(event));
    // The first time that it has a size, and whenever that changes before somebody has moved it.
    this.seen = new ResizeObserver(() => this.#sized());
    this.seen.observe(this.frame);
  }

  /** What is drawn: nodes and edges as the server gives them; `effects`: step → effect. */
  setGraph(graph, effects = new Map()) {
    this.graph = { nodes: graph.nodes, edges: graph.edges };
    this.effects = effects;
    const main = graph.nodes.filter(({ kind }) => kind !== 'finally');
    this.pieces = pieces(main);
    this.open = new Set([...this.open].filter((id) => this.pieces.some((piece) => piece.id === id)));
    this.#draw();
    this.fitted = false;
    this.#sized();
  }

  /** Where the steps are: id → `{state, note}`. */
  setStates(states) {
    this.states = states;
    for (const part of this.parts.values()) part.update(states);
    this.minimap.colour(this.parts);
  }

  /** Shows which step is looked at; opens its piece, and moves there where it is not seen. */
  select(id, { reveal = false } = {}) {
    this.selected = id;
    if (id && !this.parts.has(id)) this.#openPieceOf(id);
    for (const [other, { element }] of this.parts) element.classList.toggle('is-selected', other === id);
    const place = id && this.places?.get(id);
    if (reveal && place && !this.#isSeen(place)) this.move.centre(place.x, place.y, Math.max(this.move.at.scale, 0.8));
  }

  /** Shows all of it. */
  fit() {
    this.move.fit(this.size, { first: this.places.values().next().value?.x });
    this.fitted = true;
  }

  #sized() {
    if (!this.size || this.frame.getBoundingClientRect().width === 0) return;
    if (!this.fitted) {
      this.fit();
      const active = [...this.states].find(([, { state }]) => NOTED.has(state));
      this.#bring(active?.[0]);
    }
    // A panel that opens at the side hides nothing that it is about.
    this.#bring(this.selected);
    this.minimap.look(this.move.seen());
  }

  #bring(id) {
    const place = id && this.#placeOf(id);
    if (place && !this.#isSeen(place)) this.move.centre(place.x, place.y);
  }

  /** Where a step is drawn, by itself or in its piece. */
  #placeOf(id) {
    return this.places.get(id) ?? this.places.get([...this.parts].find(([, { members }]) => members?.has(id))?.[0]);
  }

  #isSeen({ x, y }) {
    const seen = this.move.seen();
    return (
      x - NODE.width / 2 >= seen.x &&
      x + NODE.width / 2 <= seen.x + seen.width &&
      y >= seen.y + 20 &&
      y <= seen.y + seen.height - 20
    );
  }

  #openPieceOf(id) {
    const main = this.graph?.nodes.filter(({ kind }) => kind !== 'finally') ?? [];
    const at = main.findIndex((node) => node.id === id);
    const piece = this.pieces?.find(({ from, until }) => at >= from && at < until);
    if (!piece) return;
    this.open.add(piece.id);
    this.#draw();
  }

  #draw() {
    const { nodes, edges } = this.graph;
    const main = nodes.filter(({ kind }) => kind !== 'finally');
    const last = nodes.filter(({ kind }) => kind === 'finally');
    const width = this.frame.getBoundingClientRect().width || 1_000;
    const abreast = Math.max(2, Math.min(6, Math.floor(width / 250)));
    const columns = Math.min(4, abreast);
    const shown = drawn({ nodes: main, edges }, this.pieces, this.open);
    const sized = shown.nodes.map((node) => ({ ...node, ...(node.pieces ? shelfSize(node.pieces, columns) : NODE) }));
    const laid = layOut(sized, shown.edges, abreast);
    this.places = new Map();
    this.parts = new Map();
    const lines = shown.edges.map((edge, i) => edgeLine(edge, laid.ways[i]));
    const boxes = sized.flatMap((node) => {
      const at = laid.places.get(node.id);
      if (!node.pieces) return [this.#node(node, at)];
      const { places, ways } = onShelf(node.pieces, columns, at);
      lines.push(...ways.map((way) => edgeLine({ kind: 'order' }, way)));
      return node.pieces.map((piece, i) => this.#node({ ...piece, ...PIECE }, places[i]));
    });
    const tail = this.#finally(last, laid);
    this.size = { width: Math.max(laid.width, tail.width), height: laid.height + tail.height };
    this.content.replaceChildren(
      svg('g', { class: 'edges' }, lines, tail.lines),
      svg('g', { class: 'nodes' }, boxes, tail.boxes),
      tail.about ?? '',
    );
    this.minimap.show(this.size, this.parts, this.places);
    this.setStates(this.states);
    this.select(this.selected);
    this.#first();
    this.#paintTools();
  }

  #node(node, { x, y }) {
    const part = node.members ? pieceNode(node) : stepNode(node, this.effects.get(node.id));
    part.members = node.members && new Set(node.members.map(({ id }) => id));
    this.places.set(node.id, { x, y });
    part.element.setAttribute(
      'transform',
      `translate(${(x - node.width / 2).toFixed(1)} ${(y - node.height / 2).toFixed(1)})`,
    );
    this.parts.set(node.id, part);
    return part.element;
  }

  /** What runs in the end stands below, in its order. */
  #finally(nodes, laid) {
    if (nodes.length === 0) return { width: 0, height: 0, boxes: [], lines: [] };
    const chain = nodes.slice(1).map((node, i) => ({ from: nodes[i].id, to: node.id, kind: 'order' }));
    const own = layOut(
      nodes.map((node) => ({ ...node, ...NODE })),
      chain,
    );
    const down = laid.height + FINALLY_GAP;
    const across = Math.max(0, (laid.width - own.width) / 2);
    const boxes = nodes.map((node) => {
      const { x, y } = own.places.get(node.id);
      const place = { x: x + across, y: y + down };
      return this.#node({ ...node, ...NODE }, place);
    });
    const lines = chain.map((edge, i) =>
      edgeLine(
        edge,
        own.ways[i].map(({ x, y }) => ({ x: x + across, y: y + down })),
      ),
    );
    const width = Math.max(laid.width, own.width);
    const middle = laid.height + FINALLY_GAP / 2;
    const about = svg(
      'g',
      { class: 'graph-finally' },
      svg('line', { x1: 0, x2: width, y1: middle, y2: middle }),
      svg('text', { x: width / 2, y: middle - 8, 'text-anchor': 'middle' }, 'finally, whatever the status'),
    );
    return { width: own.width, height: FINALLY_GAP + own.height, boxes, lines, about };
  }

  #paintTools() {
    const whole = this.pieces.length > 0;
    const allOpen = this.open.size === this.pieces.length;
    const button = (name, label, act) =>
      h(
        'button',
        { type: 'button', class: 'icon-button', title: label, 'aria-label': label, onclick: act },
        icon(name),
      );
    render(
      this.tools,
      whole &&
        h(
          'button',
          { type: 'button', class: 'button is-small', onclick: () => this.#toggleAll(!allOpen) },
          allOpen ? 'Close the pieces' : `Open all ${count(this.graph.nodes.length, 'step')}`,
        ),
      button('plus', 'Larger (+)', () => this.move.zoom(1.25)),
      button('minus', 'Smaller (-)', () => this.move.zoom(0.8)),
      button('fit', 'All of it (0)', () => this.fit()),
    );
  }

  #toggleAll(open) {
    this.open = new Set(open ? this.pieces.map(({ id }) => id) : []);
    this.#draw();
    this.fit();
  }

  #press(element) {
    const id = element?.dataset.id;
    if (!id) return;
    if (id.startsWith('piece-')) {
      this.open.add(id);
      const before = this.places.get(id);
      const first = this.pieces.find((piece) => piece.id === id);
      const { x, y } = this.move.at;
      this.#draw();
      const name = this.graph.nodes.filter(({ kind }) => kind !== 'finally')[first.from].id;
      const after = this.places.get(name);
      // What was pressed stays where the pointer is.
      this.move.pan(
        (before.x - after.x) * this.move.at.scale + x - this.move.at.x,
        (before.y - after.y) * this.move.at.scale + y - this.move.at.y,
      );
      this.#focus(name);
      return;
    }
    this.#focus(id);
    this.onSelect(id);
  }

  /** One node can be reached with the tab key; arrows go on from there. */
  #first() {
    const at = this.selected && this.parts.has(this.selected) ? this.selected : this.parts.keys().next().value;
    if (at) this.parts.get(at).element.setAttribute('tabindex', '0');
  }

  #focus(id) {
    for (const { element } of this.parts.values()) element.setAttribute('tabindex', '-1');
    const element = this.parts.get(id)?.element;
    element?.setAttribute('tabindex', '0');
    element?.focus({ preventScroll: true });
    const place = this.places.get(id);
    if (place && !this.#isSeen(place)) this.move.centre(place.x, place.y);
  }

  #key(event) {
    const id = event.target.closest?.('.node')?.dataset.id;
    const zoom = { '+': 1.25, '=': 1.25, '-': 0.8 }[event.key];
    const way = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (zoom) this.move.zoom(zoom);
    else if (event.key === '0') this.fit();
    else if (id && (event.key === 'Enter' || event.key === ' ')) this.#press(event.target.closest('.node'));
    else if (way && id) this.#focus(this.#next(id, way) ?? id);
    else if (way) this.move.pan(-way[0] * PAN, -way[1] * PAN);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The nearest node in a direction. */
  #next(id, [dx, dy]) {
    const here = this.places.get(id);
    let best = null;
    let least = Infinity;
    for (const other of this.parts.keys()) {
      const place = this.places.get(other);
      const along = (place.x - here.x) * dx + (place.y - here.y) * dy;
      const aside = Math.abs((place.x - here.x) * dy) + Math.abs((place.y - here.y) * dx);
      if (other === id || along < 10) continue;
      const far = along + aside * 2;
      if (far < least) [least, best] = [far, other];
    }
    return best;
  }
}

function arrowHeads() {
  const head = (name) =>
    svg(
      'marker',
      {
        id: `arrow-${name}`,
        class: `arrow-${name}`,
        viewBox: '0 0 8 8',
        refX: 7,
        refY: 4,
        markerWidth: 7,
        markerHeight: 7,
        orient: 'auto',
      },
      svg('path', { d: 'M0 .5 8 4 0 7.5z' }),
    );
  return svg('defs', null, head('need'), head('order'), head('fallback'));
}

/** A smooth way down through the points. */
function edgeLine({ kind }, points) {
  if (points.length < 2) return null;
  let d = `M${points[0].x.toFixed(1)} ${points[0].y.toFixed(1)}`;
  for (let i = 1; i < points.length; i += 1) {
    const [a, b] = [points[i - 1], points[i]];
    if (a.y === b.y) {
      d += `L${b.x.toFixed(1)} ${b.y.toFixed(1)}`;
      continue;
    }
    const bend = Math.max(8, (b.y - a.y) / 2);
    d +=
      Math.abs(a.x - b.x) < 0.5
        ? `L${b.x.toFixed(1)} ${b.y.toFixed(1)}`
        : `C${a.x.toFixed(1)} ${(a.y + bend).toFixed(1)} ${b.x.toFixed(1)} ${(b.y - bend).toFixed(1)} ${b.x.toFixed(1)} ${b.y.toFixed(1)}`;
  }
  return svg('path', { class: `edge is-${kind}`, d, 'marker-end': `url(#arrow-${kind})` });
}
