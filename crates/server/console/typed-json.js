// JSON that somebody typed.

/** Its value, or an error that says what is wrong with it. */
export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw Object.assign(new Error(`that is not JSON: ${error.message}`), { remedy: 'put texts in double quotes' });
  }
}
