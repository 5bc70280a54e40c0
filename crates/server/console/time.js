// Times and durations as people read them. Times come as Unix milliseconds and are shown in the reader's own zone.

const DAY = 86_400_000;
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const dayOfYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const whole = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });

/** `14:03:22`, with the day where it is not today's. */
export function showTime(ms, now = Date.now()) {
  if (ms == null) return '–';
  const at = new Date(ms);
  const today = new Date(now);
  const time = clock.format(at);
  if (at.toDateString() === today.toDateString()) return time;
  const date = at.getFullYear() === today.getFullYear() ? day.format(at) : dayOfYear.format(at);
  return `${date} ${time}`;
}

/** `14:03:22.041`. */
export function showClock(ms) {
  const fraction = String(((ms % 1000) + 1000) % 1000).padStart(3, '0');
  return `${clock.format(new Date(ms))}.${fraction}`;
}

/** Everything, with the zone: for titles. */
export function wholeTime(ms) {
  return ms == null ? '' : whole.format(new Date(ms));
}

/** `340 ms`, `3.2 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`. */
export function showDuration(ms) {
  if (ms == null || Number.isNaN(ms)) return '–';
  const span = Math.max(0, ms);
  if (span < 1000) return `${Math.round(span)} ms`;
  if (span < 60_000) return `${(span / 1000).toFixed(span < 10_000 ? 1 : 0)} s`;
  const seconds = Math.floor(span / 1000);
  if (span < 3_600_000) return two(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.floor(seconds / 60);
  if (span < DAY) return two(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.floor(minutes / 60);
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function two(great, greatUnit, small, smallUnit) {
  return small ? `${great} ${greatUnit} ${small} ${smallUnit}` : `${great} ${greatUnit}`;
}

/** `just now`, `5 min ago`, `2 d ago`. */
export function showAge(ms, now = Date.now()) {
  if (ms == null) return '–';
  const span = now - ms;
  if (span < 0) return `in ${roundly(-span)}`;
  return span < 5_000 ? 'just now' : `${roundly(span)} ago`;
}

/** `in 3 h`, or `overdue`. */
export function showDue(ms, now = Date.now()) {
  if (ms == null) return '';
  return ms <= now ? 'overdue' : `in ${roundly(ms - now)}`;
}

function roundly(span) {
  if (span < 60_000) return `${Math.max(1, Math.round(span / 1000))} s`;
  if (span < 3_600_000) return `${Math.round(span / 60_000)} min`;
  if (span < DAY) return `${Math.round(span / 3_600_000)} h`;
  return `${Math.round(span / DAY)} d`;
}

/** The milliseconds of `90s`, `30m`, `2h`, `7d`; null where it is none of these. */
export function parseSpan(text) {
  const found = /^\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d)\s*$/.exec(text);
  if (!found) return null;
  const unit = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: DAY }[found[2]];
  return Number(found[1]) * unit;
}
