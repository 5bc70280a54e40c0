// Elements, and how what is shown becomes what is to be shown.
//
// A page is a function of its data: it builds elements with `h` and hands them to `render`, which changes what is there
// as little as it can, so that focus, scrolling and selected text stay. No text ever becomes markup: strings become text
// nodes, and what cannot be seen in them is shown (`text.js`).

import { clean } from './text.js';

const SVG = 'http://www.w3.org/2000/svg';
/** What is a property rather than an attribute: what a reader did counts more than what was there at first. */
const PROPERTIES = new Set(['value', 'checked', 'indeterminate', 'selected', 'disabled', 'open', 'tabIndex']);

/**
 * An element. `props`: `class` (text or a list; falsy entries are left out), `on…` (listeners), `key` (who it is among its
 * siblings), `keep` (a name: once it is there, `render` leaves it and everything in it alone), `vars` (custom properties
 * of CSS, set through the object model because the page's policy forbids style attributes), attributes for the rest.
 */
export function h(tag, props, ...children) {
  return build(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props, ...children) {
  return build(document.createElementNS(SVG, tag), props, children);
}

function build(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) set(element, name, value);
  append(element, children);
  // A choice can be made once its options are there.
  if (element.localName === 'select' && props?.value != null) element.value = props.value;
  return element;
}

/**
 * A place for an element that lives longer than one `render`, such as a graph that somebody has moved: it is put there
 * once, and then left alone.
 */
export function host(element) {
  element.$keep ??= 'host';
  const slot = document.createElement('i');
  slot.$host = element;
  return slot;
}

function set(element, name, value) {
  if (name === 'key') {
    element.$key = String(value);
  } else if (name === 'keep') {
    element.$keep = String(value);
  } else if (name.startsWith('on')) {
    (element.$on ??= {})[name] = value;
    element[name] = value;
  } else if (name === 'vars') {
    element.$vars = value;
    for (const [variable, text] of Object.entries(value)) element.style.setProperty(variable, text);
  } else if (name === 'class') {
    const classes = Array.isArray(value) ? value.filter(Boolean).join(' ') : value;
    if (classes) element.setAttribute('class', classes);
  } else if (PROPERTIES.has(name)) {
    if (value == null) return;
    (element.$props ??= {})[name] = value;
    element[name] = value;
  } else if (value === true) {
    element.setAttribute(name, '');
  } else if (value !== false && value != null) {
    element.setAttribute(name, clean(value));
  }
}

function append(element, children) {
  for (const child of children) {
    if (child == null || child === false || child === true) continue;
    if (Array.isArray(child)) append(element, child);
    else if (child instanceof Node) element.append(child);
    else element.append(clean(child));
  }
}

/** Makes `parent` hold exactly these children, keeping what is the same. */
export function render(parent, ...children) {
  const wanted = document.createDocumentFragment();
  append(wanted, children);
  morphChildren(parent, [...wanted.childNodes]);
  return parent;
}

function morphChildren(parent, wanted) {
  const keyed = new Map();
  for (const child of parent.childNodes) if (child.$key != null) keyed.set(child.$key, child);
  const kept = new Set(wanted.map((fresh) => fresh.$key).filter((key) => key != null));
  let at = parent.firstChild;
  for (const fresh of wanted) {
    // What is gone goes first, so that what stays need not move.
    while (at?.$key != null && !kept.has(at.$key)) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
    if (fresh.$host) {
      if (fresh.$host === at) at = at.nextSibling;
      else parent.insertBefore(fresh.$host, at);
      continue;
    }
    const known = fresh.$key == null ? null : keyed.get(fresh.$key);
    if (known && known.parentNode === parent && fits(known, fresh)) {
      keyed.delete(fresh.$key);
      if (known === at) at = at.nextSibling;
      else parent.insertBefore(known, at);
      morph(known, fresh);
    } else if (at && at.$key == null && fresh.$key == null && fits(at, fresh)) {
      const next = at.nextSibling;
      morph(at, fresh);
      at = next;
    } else {
      parent.insertBefore(settled(fresh), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** What is new, with the elements in it that live longer. */
function settled(fresh) {
  if (fresh.nodeType !== Node.ELEMENT_NODE) return fresh;
  for (const slot of fresh.querySelectorAll('i')) if (slot.$host) slot.replaceWith(slot.$host);
  return fresh;
}

function fits(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && old.$keep === fresh.$keep;
}

function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.$keep != null) return;
  for (const { name } of [...old.attributes]) {
    if (name !== 'style' && name !== 'open' && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name !== 'style' && name !== 'open' && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const [variable, text] of Object.entries(fresh.$vars ?? {})) {
    if (old.$vars?.[variable] !== text) old.style.setProperty(variable, text);
  }
  old.$vars = fresh.$vars;
  for (const name of Object.keys({ ...old.$on, ...fresh.$on })) old[name] = fresh.$on?.[name] ?? null;
  old.$on = fresh.$on;
  morphChildren(old, [...fresh.childNodes]);
  morphProperties(old, fresh);
}

function morphProperties(old, fresh) {
  for (const [name, value] of Object.entries(fresh.$props ?? {})) {
    // A field that somebody types in is theirs; what they opened stays open.
    if (name === 'value' && old === document.activeElement) continue;
    if (name === 'open' && old.$props?.open === value) continue;
    if (old[name] !== value) old[name] = value;
  }
  for (const name of Object.keys(old.$props ?? {})) {
    if (name === 'disabled' && !(name in (fresh.$props ?? {}))) old.disabled = false;
  }
  old.$props = fresh.$props;
}

/** Calls `paint` once for many calls within one frame. */
export function oncePerFrame(paint) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      paint();
    });
  };
}
