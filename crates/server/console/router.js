// Which page is shown: the part of the address behind `#`. A page that is left is told so by its signal.

/** `#/executions/ID?tab=steps` → its segments and its query. */
export function parse(hash) {
  const text = hash.replace(/^#\/?/, '');
  const at = text.indexOf('?');
  const route = at < 0 ? text : text.slice(0, at);
  let segments;
  try {
    segments = route.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    segments = [];
  }
  return { segments, query: new URLSearchParams(at < 0 ? '' : text.slice(at + 1)) };
}

/** An address: each part is one segment. */
export function to(segments, parameters) {
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (value != null && value !== '' && value !== false) all.append(name, value);
  }
  const text = all.toString();
  return `#/${segments.map(encodeURIComponent).join('/')}${text && `?${text}`}`;
}

/** Goes to another page. */
export function go(address) {
  location.hash = address;
}

/** Changes the query of the page that is shown, without showing it anew; `undefined` and `''` take a name out. */
export function setQuery(changes) {
  const { segments, query } = parse(location.hash);
  for (const [name, value] of Object.entries(changes)) {
    if (value == null || value === '' || value === false) query.delete(name);
    else query.set(name, value);
  }
  const address = to(segments, Object.fromEntries(query));
  if (address !== location.hash) history.replaceState(null, '', address);
}

/** Shows pages as the address changes. `show(segments, query, signal)` says what a page is. */
export function start(show) {
  let leave = new AbortController();
  let shown = null;
  const follow = () => {
    const { segments, query } = parse(location.hash);
    const whole = location.hash;
    if (whole === shown) return;
    shown = whole;
    leave.abort();
    leave = new AbortController();
    show(segments, query, leave.signal);
  };
  window.addEventListener('hashchange', follow);
  follow();
  return () => {
    shown = null;
    follow();
  };
}
