// What can be done with a tool: disabled and enabled, its server restarted, its changed definition accepted.

import { path, post } from './api.js';
import { ask } from './dialog.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { notice } from './notice.js';
import { may } from './session.js';

/** The server that a tool belongs to; built-in tools have none that can be started again. */
const BUILT_IN = new Set(['fs', 'http', 'data', 'time', 'human', 'plan', 'process', 'llm', 'mandate']);

/** Whether somebody took the tool out of use. */
export function isDisabled(tool) {
  return tool.lifecycle === 'UNAVAILABLE' && /disabled/i.test(tool.lifecycle_reason ?? '');
}

/** The buttons; `onDone` reads anew. */
export function toolActs(tool, onDone) {
  if (!may('operate')) return [];
  const acts = [];
  const server = tool.name.split('.')[0];
  const button = (name, label, act, look) =>
    h('button', { type: 'button', class: ['button', look && `is-${look}`], onclick: act }, icon(name), label);
  if (isDisabled(tool)) acts.push(button('play', 'Enable', () => enable(tool.name, onDone)));
  else acts.push(button('stop', 'Disable', () => disable(tool.name, onDone), 'bad'));
  if (!BUILT_IN.has(server)) acts.push(button('rerun', `Restart ${server}`, () => restart(server, onDone)));
  if (tool.standing === 'changed' || tool.standing === 'unaccepted')
    acts.push(button('check', 'Accept its definition', () => accept(tool, onDone)));
  return acts;
}

async function run(question, onDone, done) {
  const told = await ask(question);
  if (!told) return;
  notice(done);
  onDone();
}

function disable(name, onDone) {
  return run(
    {
      title: `Disable ${name}?`,
      text: 'No call of it starts, in any execution, until it is enabled. Calls that run are not stopped.',
      action: 'Disable',
      look: 'bad',
      act: () => post(path`/v1/tools/${name}:disable`),
    },
    onDone,
    `${name} is disabled.`,
  );
}

function enable(name, onDone) {
  return run(
    {
      title: `Enable ${name}?`,
      text: 'It can be called again.',
      action: 'Enable',
      act: () => post(path`/v1/tools/${name}:enable`),
    },
    onDone,
    `${name} is enabled.`,
  );
}

function restart(server, onDone) {
  return run(
    {
      title: `Restart ${server}?`,
      text: 'Calls of it that run end unknown: steps with effects that are not repeatable come to be in doubt.',
      action: 'Restart',
      look: 'bad',
      act: () => post(path`/v1/tools/${server}:restart`),
    },
    onDone,
    `${server} was restarted.`,
  );
}

function accept(tool, onDone) {
  const changed = tool.standing === 'changed';
  return run(
    {
      title: `Accept ${tool.name} as it is now?`,
      text: changed
        ? 'Its definition is another one than was accepted. Plans that were approved with the one before are not approved with this one.'
        : 'From here on a change of its definition is noticed, and stops calls of it.',
      fields: [
        {
          name: 'effect',
          label: 'Its effect',
          kind: 'choice',
          options: [
            { value: '', label: 'as it stands' },
            ...['read', 'write', 'delete', 'network', 'execute'].map((value) => ({ value })),
          ],
        },
      ],
      action: 'Accept',
      act: ({ effect }) => post(path`/v1/tools/${tool.name}:accept`, { changes: changed, ...(effect && { effect }) }),
    },
    onDone,
    `${tool.name} is accepted.`,
  );
}
