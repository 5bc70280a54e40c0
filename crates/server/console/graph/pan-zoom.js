// Moving about in a drawing: dragging, wheel, two fingers, keys.

const LEAST = 0.1;
const MOST = 2;
/** A press that moves less than this far is a press. */
const STILL = 4;

/** `frame` is the SVG, `content` the group in it that moves; `onMove({x, y, scale})` hears of every move. */
export class PanZoom {
  constructor(frame, content, onMove = () => {}) {
    this.frame = frame;
    this.content = content;
    this.onMove = onMove;
    this.at = { x: 0, y: 0, scale: 1 };
    this.pointers = new Map();
    this.dragged = false;
    frame.addEventListener('pointerdown', (event) => this.#down(event));
    frame.addEventListener('pointermove', (event) => this.#drag(event));
    for (const end of ['pointerup', 'pointercancel']) frame.addEventListener(end, (event) => this.#up(event));
    frame.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    frame.addEventListener('click', (event) => this.dragged && event.stopPropagation(), true);
  }

  /** Puts a point of the drawing into the middle. */
  centre(x, y, scale = this.at.scale) {
    const { width, height } = this.frame.getBoundingClientRect();
    this.#move({ x: width / 2 - x * scale, y: height / 2 - y * scale, scale });
  }

  /** Shows the whole, or as much of its top as can be read: then `first`, a place across, is in the middle. */
  fit({ width, height }, { least = 0.62, margin = 24, first = width / 2 } = {}) {
    const frame = this.frame.getBoundingClientRect();
    if (frame.width === 0 || width === 0) return;
    const whole = Math.min((frame.width - 2 * margin) / width, (frame.height - 2 * margin) / Math.max(height, 1));
    const scale = Math.max(least, Math.min(1, whole));
    const x = (frame.width - width * scale) / 2;
    const y = (frame.height - height * scale) / 3;
    const wide = width * scale > frame.width - margin;
    // No further than either end: what lies beside that is empty.
    const ends = [margin, frame.width - margin - width * scale];
    const around = Math.min(ends[0], Math.max(ends[1], frame.width / 2 - first * scale));
    this.#move({ x: wide ? around : x, y: Math.max(margin, y), scale });
  }

  /** Larger or smaller around a point of the frame, its middle where none is given. */
  zoom(factor, point) {
    const frame = this.frame.getBoundingClientRect();
    const about = point ?? { x: frame.width / 2, y: frame.height / 2 };
    const scale = Math.min(MOST, Math.max(LEAST, this.at.scale * factor));
    const ratio = scale / this.at.scale;
    this.#move({ x: about.x - (about.x - this.at.x) * ratio, y: about.y - (about.y - this.at.y) * ratio, scale });
  }

  /** Moves what is shown by so many pixels. */
  pan(dx, dy) {
    this.#move({ ...this.at, x: this.at.x + dx, y: this.at.y + dy });
  }

  /** The part of the drawing that is seen. */
  seen() {
    const { width, height } = this.frame.getBoundingClientRect();
    const { x, y, scale } = this.at;
    return { x: -x / scale, y: -y / scale, width: width / scale, height: height / scale };
  }

  #move(at) {
    this.at = at;
    this.content.setAttribute(
      'transform',
      `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)}) scale(${at.scale.toFixed(4)})`,
    );
    this.onMove(at);
  }

  #down(event) {
    if (event.button !== 0) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.dragged = false;
    this.gone = 0;
  }

  #drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    if (others.length) {
      const frame = this.frame.getBoundingClientRect();
      const [other] = others;
      const span = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
      this.zoom(span(now) / span(before), {
        x: (now.x + other.x) / 2 - frame.left,
        y: (now.y + other.y) / 2 - frame.top,
      });
    } else {
      this.gone += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
      if (this.gone > STILL && !this.dragged) {
        this.dragged = true;
        this.frame.setPointerCapture(event.pointerId);
        this.frame.classList.add('is-dragged');
      }
      if (this.dragged) this.pan(now.x - before.x, now.y - before.y);
    }
    this.pointers.set(event.pointerId, now);
  }

  #up(event) {
    this.pointers.delete(event.pointerId);
    this.frame.classList.remove('is-dragged');
  }

  #wheel(event) {
    event.preventDefault();
    const frame = this.frame.getBoundingClientRect();
    const lines = event.deltaMode === 1 ? 24 : 1;
    if (event.ctrlKey || event.metaKey) {
      this.zoom(Math.exp(-event.deltaY * lines * 0.006), {
        x: event.clientX - frame.left,
        y: event.clientY - frame.top,
      });
    } else {
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      this.pan(-sideways * lines, event.shiftKey ? 0 : -event.deltaY * lines);
    }
  }
}
