// Texts of others as people may see them. Plans, tools and agents write names, messages and outputs; none of it may
// hide, reverse or overwrite what stands beside it. What would is shown as its code point, so that nothing is left out
// unseen.

// Control characters but tab and line break; soft hyphen; Arabic letter mark; zero-width and directional marks;
// embeddings, overrides and isolates; invisible operators; byte order mark; interlinear marks; variation tags.
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;

/** The text with everything that cannot be seen, or moves what can, shown as `⟨U+202E⟩`. Tabs and line breaks stay. */
export function clean(text) {
  const given = String(text);
  return given.search(UNSEEN) < 0 ? given : given.replace(UNSEEN, mark);
}

function mark(character) {
  const point = character.codePointAt(0);
  // A line break of Windows is none of anybody's tricks.
  if (point === 0x0d) return '';
  return `⟨U+${point.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/** One line of at most `most` characters. */
export function short(text, most = 120) {
  const line = String(text).replace(/\s+/g, ' ').trim();
  const points = Array.from(line.slice(0, most * 2 + 2));
  return points.length <= most ? line : `${points.slice(0, most - 1).join('')}…`;
}

/** The first characters of a hash or an id: enough to tell it from others. */
export function brief(id, most = 12) {
  return id ? String(id).slice(0, most) : '';
}

/** `3 steps`, `1 step`. */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

/** A code's words: `in_doubt` is `in doubt`. */
export function words(code) {
  return String(code ?? '').replaceAll('_', ' ');
}

/** Several names as a sentence has them. */
export function list(names, last = 'and') {
  const all = [...names];
  if (all.length < 2) return all.join('');
  return `${all.slice(0, -1).join(', ')} ${last} ${all.at(-1)}`;
}

/** A size in bytes. */
export function bytes(size) {
  if (size < 1024) return `${size} B`;
  if (size < 1024 * 1024) return `${(size / 1024).toFixed(size < 10240 ? 1 : 0)} KiB`;
  return `${(size / 1024 / 1024).toFixed(1)} MiB`;
}
