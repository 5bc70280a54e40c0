// Light, dark, or as the system has it.

const KEY = 'mandate.theme';
const ORDER = ['system', 'light', 'dark'];

/** `system`, `light` or `dark`. */
export function theme() {
  return document.documentElement.dataset.theme ?? 'system';
}

/** The next one. */
export function nextTheme() {
  const next = ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length];
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // It holds for this page, then.
  }
  return next;
}
