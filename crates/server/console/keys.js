// What the keyboard does beside moving from field to field. Keys of a page end with it; `?` lists all.

const GLOBAL = new Map();
let ofPage = new Map();
let first = null;
let firstAt = 0;

/** Adds a key for good, such as `?` or `g e`. */
export function bind(key, about, act) {
  GLOBAL.set(key, { about, act });
}

/** Adds a key for as long as a page is shown. */
export function bindHere(key, about, act, signal) {
  const keys = ofPage;
  keys.set(key, { about, act });
  signal?.addEventListener('abort', () => keys.delete(key), { once: true });
}

/** Forgets the keys of the page before. */
export function newPage() {
  ofPage = new Map();
}

/** Every key, with what it does: those of the page, then the others. */
export function all() {
  const rows = (keys) => [...keys].filter(([, { about }]) => about).map(([key, { about }]) => ({ key, about }));
  return { page: rows(ofPage), everywhere: rows(GLOBAL) };
}

/** Whether keys that are pressed there are its own. */
function types(target) {
  if (target.isContentEditable || /^(textarea|select)$/i.test(target.nodeName)) return true;
  return target.nodeName === 'INPUT' && !/^(range|checkbox|radio|button|submit|file)$/.test(target.type);
}

function press(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector('dialog[open]')) return;
  if (types(event.target)) {
    // Out of a field, back to the page.
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  const now = Date.now();
  const two = first && now - firstAt < 1_200 ? `${first} ${event.key}` : null;
  const found = (two && (ofPage.get(two) ?? GLOBAL.get(two))) ?? ofPage.get(event.key) ?? GLOBAL.get(event.key);
  const begins = [...ofPage.keys(), ...GLOBAL.keys()].some((key) => key.startsWith(`${event.key} `));
  first = begins && !two ? event.key : null;
  firstAt = now;
  if (!found) return;
  if (found.act(event) !== false) event.preventDefault();
}

document.addEventListener('keydown', press);
