// The whole graph at a glance: where one is in it, and where something happens.

import { h, svg } from '../dom.js';
import { NODE } from './node.js';

const MOST_WIDTH = 140;
const MOST_HEIGHT = 180;

/** `onGo(x, y)` hears which place of the drawing was pressed. */
export class Minimap {
  constructor(onGo) {
    this.boxes = new Map();
    this.window = svg('rect', { class: 'minimap-window', rx: 2 });
    this.nodes = svg('g', null);
    this.frame = svg('svg', { class: 'minimap', 'aria-hidden': 'true' }, this.nodes, this.window);
    this.element = h('div', { class: 'minimap-box', hidden: true }, this.frame);
    const go = (event) => {
      const frame = this.frame.getBoundingClientRect();
      onGo((event.clientX - frame.left) / this.scale, (event.clientY - frame.top) / this.scale);
    };
    this.frame.addEventListener('pointerdown', (event) => {
      this.frame.setPointerCapture(event.pointerId);
      go(event);
    });
    this.frame.addEventListener('pointermove', (event) => event.buttons === 1 && go(event));
  }

  /** What is drawn, and where. */
  show(size, parts, places) {
    this.size = size;
    this.scale = Math.min(MOST_WIDTH / Math.max(size.width, 1), MOST_HEIGHT / Math.max(size.height, 1), 0.2);
    this.frame.setAttribute('width', Math.max(24, size.width * this.scale).toFixed(0));
    this.frame.setAttribute('height', Math.max(24, size.height * this.scale).toFixed(0));
    this.boxes = new Map(
      [...parts.keys()].map((id) => {
        const { x, y } = places.get(id);
        const at = { x: (x - NODE.width / 2) * this.scale, y: (y - NODE.height / 2) * this.scale };
        const box = svg('rect', {
          x: at.x.toFixed(1),
          y: at.y.toFixed(1),
          width: Math.max(2, NODE.width * this.scale).toFixed(1),
          height: Math.max(1.5, NODE.height * this.scale).toFixed(1),
          rx: 1,
        });
        return [id, box];
      }),
    );
    this.nodes.replaceChildren(...this.boxes.values());
  }

  /** The colours of the nodes, as they are. */
  colour(parts) {
    for (const [id, box] of this.boxes) {
      const classes = parts.get(id)?.element.getAttribute('class') ?? '';
      const look = /look-\w+/.exec(classes)?.[0] ?? (classes.includes('is-piece') ? 'look-piece' : 'look-dim');
      if (box.getAttribute('class') !== look) box.setAttribute('class', look);
    }
  }

  /** Which part is seen; where all is, the map is not needed. */
  look(seen) {
    if (!this.size) return;
    const all =
      seen.x <= 1 && seen.y <= 1 && seen.x + seen.width >= this.size.width && seen.y + seen.height >= this.size.height;
    this.element.hidden = all;
    for (const [name, value] of Object.entries(seen)) this.window.setAttribute(name, (value * this.scale).toFixed(1));
  }
}
