// A command that can be typed, with a button that copies it.

import { h } from './dom.js';
import { icon } from './icons.js';
import { notice } from './notice.js';

/** The command. */
export function commandLine(command) {
  const copy = async (event) => {
    event.preventDefault();
    event.stopPropagation();
    try {
      await navigator.clipboard.writeText(command);
      notice('Copied.');
    } catch {
      notice('The browser does not let pages copy here.', 'warn');
    }
  };
  return h(
    'span',
    { class: 'command' },
    h('code', { title: command }, command),
    h(
      'button',
      {
        type: 'button',
        class: 'icon-button',
        title: 'Copy the command',
        'aria-label': `Copy: ${command}`,
        onclick: copy,
      },
      icon('copy'),
    ),
  );
}
