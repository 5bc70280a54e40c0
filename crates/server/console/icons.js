// Icons, drawn on a grid of 16, with the line of the text beside them. None means anything by itself: a word stands beside
// it, or its element has a label.

import { svg } from './dom.js';

const LINES = {
  executions: 'M2.5 4h7M2.5 8h11M2.5 12h5M12 2.5v3M10.5 4h3M10 10.5v3M8.5 12h3',
  inbox: 'M2 9.5 4 3.5h8l2 6v3H2zM2 9.5h3.5l1 1.5h3l1-1.5H14',
  plans: 'M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3M6 8h4M6 11h4',
  policy: 'M8 1.5 13.5 3.5v4c0 3.5-2.3 5.7-5.5 7-3.2-1.3-5.5-3.5-5.5-7v-4zM5.5 8l1.8 1.8L10.8 6.3',
  tools: 'M9.8 2.2a3.6 3.6 0 0 0-4.3 4.7L2 10.4 2 14h3.6l3.5-3.5a3.6 3.6 0 0 0 4.7-4.3L11.5 8.5 8.8 7.2 7.5 4.5z',
  audit: 'M6.5 9.5 9.5 6.5M7 4.5l1.3-1.3a3 3 0 0 1 4.5 4.5L11.5 9M9 11.5l-1.3 1.3a3 3 0 0 1-4.5-4.5L4.5 7',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3 13.5 13.5',
  close: 'M4 4l8 8M12 4l-8 8',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4 6 8l4 4',
  up: 'M8 12.5v-9M4.5 7 8 3.5 11.5 7',
  snow: 'M8 1.5v13M2.4 4.8l11.2 6.4M13.6 4.8 2.4 11.2M6.5 2.5 8 4l1.5-1.5M6.5 13.5 8 12l1.5 1.5M2.3 7l2-.6-.5-2M13.7 9l-2 .6.5 2M13.7 7l-2-.6.5-2M2.3 9l2 .6-.5 2',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.2v1.5M8 13.3v1.5M1.2 8h1.5M13.3 8h1.5M3.2 3.2l1 1M11.8 11.8l1 1M12.8 3.2l-1 1M4.2 11.8l-1 1',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z',
  screen: 'M2 3h12v8H2zM6 13.5h4M8 11v2.5',
  user: 'M8 2.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM3 13.5c.5-2.5 2.5-4 5-4s4.5 1.5 5 4',
  key: 'M10.5 2.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8.4 7.6 3 13M4.5 11.5l1.5 1.5',
  help: 'M6 6a2 2 0 1 1 2.8 1.8c-.6.3-.8.7-.8 1.4M8 11.7h.01M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z',
  copy: 'M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1',
  download: 'M8 2.5v8M4.5 7.5 8 11l3.5-3.5M2.5 13.5h11',
  upload: 'M8 11V3M4.5 6 8 2.5 11.5 6M2.5 13.5h11',
  play: 'M5 3.5v9l7-4.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  stop: 'M4.5 4.5h7v7h-7z',
  rerun: 'M3 8a5 5 0 1 1 1.5 3.6M3 13v-2h0M4.5 11.6 3 13.5V11h2.5',
  first: 'M4 3.5v9M12 3.5 6.5 8l5.5 4.5z',
  last: 'M12 3.5v9M4 3.5 9.5 8 4 12.5z',
  back: 'M11 3.5v9L4.5 8z',
  forward: 'M5 3.5v9L11.5 8z',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  fit: 'M2.5 6v-3.5h3.5M10 2.5h3.5v3.5M13.5 10v3.5h-3.5M6 13.5h-3.5v-3.5',
  loop: 'M11.5 2 13.5 4l-2 2M2.5 7.5v-1a2.5 2.5 0 0 1 2.5-2.5h8.5M4.5 14l-2-2 2-2M13.5 8.5v1a2.5 2.5 0 0 1-2.5 2.5H2.5',
  nested: 'M2.5 2.5h7v5h-7zM8 10.5h5.5v3.5H8zM5 7.5v5h3',
  shield: 'M8 1.5 13.5 3.5v4c0 3.5-2.3 5.7-5.5 7-3.2-1.3-5.5-3.5-5.5-7v-4z',
  condition: 'M8 2 14 8l-6 6-6-6z',
  check: 'M3.5 8.5 6.5 11.5 12.5 4.5',
  warn: 'M8 2.5 14.5 13.5h-13zM8 6.5v3.5M8 11.9h.01',
  info: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM8 7.3v4M8 4.8h.01',
  out: 'M6 2.5h-3.5v11H6M10 4.5 13.5 8 10 11.5M13 8H6',
  menu: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  time: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM8 4.5V8l2.5 1.5',
  graph: 'M2.5 2.5h4v3h-4zM9.5 10.5h4v3h-4zM2.5 10.5h4v3h-4zM4.5 5.5v5M4.5 8h7v2.5',
  rows: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  bars: 'M2.5 4h5M5 8h6M9 12h4.5',
  link: 'M6.5 3H3v10h10V9.5M9 2.5h4.5V7M13.5 2.5 7.5 8.5',
};

/** An icon, hidden from those who listen. */
export function icon(name, extra) {
  return svg(
    'svg',
    { class: ['icon', extra], viewBox: '0 0 16 16', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { d: LINES[name] ?? LINES.info }),
  );
}
