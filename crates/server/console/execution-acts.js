// What can be done with an execution: asked for, with what it means, and done. Only what its state and the rights of
// whoever looks allow is shown; the server decides all the same.

import { path, post } from './api.js';
import { ask } from './dialog.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { notice } from './notice.js';
import { go, to } from './router.js';
import { may, maySteer } from './session.js';
import { parsed } from './typed-json.js';

const ENDED = new Set(['completed', 'failed', 'cancelled']);

/** Whether nothing will happen any more. */
export function hasEnded({ state }) {
  return ENDED.has(state);
}

function button(name, label, act, look) {
  return h('button', { type: 'button', class: ['button', look && `is-${look}`], onclick: act }, icon(name), label);
}

/** The buttons of an execution; `onDone` reads it anew. */
export function executionActs(execution, onDone) {
  const acts = [];
  const steers = maySteer(execution);
  const { execution_id: id } = execution;
  if (!hasEnded(execution)) {
    if (execution.state === 'paused' && steers) acts.push(button('play', 'Resume', () => resume(id, onDone)));
    else if (steers) acts.push(button('pause', 'Pause', () => pause(id, onDone)));
    if (execution.host_pid == null && steers && execution.waiting_for?.kind === 'host')
      acts.push(button('play', 'Take up', () => takeUp(id, onDone)));
    if (steers) acts.push(button('stop', 'Cancel', () => cancel(execution, onDone), 'bad'));
  } else if (may('submit')) {
    acts.push(button('rerun', 'Rerun', () => rerun(execution)));
  }
  return acts;
}

/** The buttons of a step. */
export function stepActs(execution, step, item, onDone) {
  const acts = [];
  const { execution_id: id } = execution;
  const what = { id, step: step.id, item };
  if (step.state === 'in_doubt' && maySteer(execution)) {
    acts.push(button('check', 'It happened', () => resolve(what, 'done', onDone)));
    acts.push(button('close', 'It did not happen', () => resolve(what, 'not_done', onDone)));
    acts.push(button('stop', 'Count it as failed', () => resolve(what, 'fail', onDone), 'bad'));
  }
  if (hasEnded(execution) && may('submit'))
    acts.push(button('rerun', 'Rerun from here', () => rerun(execution, step.id)));
  if (may('administer') && !hasEnded(execution) && step.state === 'pending')
    acts.push(button('shield', 'Override a denial', () => override(what, onDone)));
  return acts;
}

async function pause(id, onDone) {
  const done = await ask({
    title: 'Pause?',
    text: 'Calls that run come to their end; no further one starts until somebody resumes.',
    action: 'Pause',
    act: () => post(path`/v1/executions/${id}:pause`),
  });
  if (done) onDone(done);
}

async function resume(id, onDone) {
  const done = await ask({
    title: 'Resume?',
    text: 'It goes on where it stopped.',
    action: 'Resume',
    act: () => post(path`/v1/executions/${id}:resume`),
  });
  if (done) onDone(done);
}

async function takeUp(id, onDone) {
  const done = await ask({
    title: 'Take it up?',
    text: 'This server drives it from here on.',
    action: 'Take up',
    act: () => post(path`/v1/executions/${id}:continue`),
  });
  if (done) onDone(done);
}

async function cancel({ execution_id: id, name }, onDone) {
  const done = await ask({
    title: `Cancel “${name}”?`,
    text: 'No further step starts. Calls that run get a moment to end, then they are stopped. What the plan undoes on failure is undone.',
    fields: [
      { name: 'reason', label: 'Why', kind: 'long', hint: 'The journal keeps it.' },
      { name: 'force', label: 'Force: undo nothing, run nothing that the plan has under `finally`', kind: 'check' },
    ],
    action: 'Cancel the execution',
    look: 'bad',
    act: ({ reason, force }) => post(path`/v1/executions/${id}:cancel`, { ...(reason && { reason }), force }),
  });
  if (done) onDone(done);
}

async function rerun({ execution_id: id, name }, from) {
  const done = await ask({
    title: from ? `Rerun “${name}” from ${from}?` : `Rerun “${name}”?`,
    text: from
      ? 'A new execution of the same plan and inputs. What completed before this step is taken over; this step and those behind it run again. Policy decides anew.'
      : 'A new execution of the same plan and inputs. Every step runs again. Policy decides anew.',
    action: 'Rerun',
    act: () => post(path`/v1/executions/${id}:rerun`, from ? { from } : {}),
  });
  if (!done) return;
  notice(done.request_id ? 'Submitted; it waits for approval.' : 'It runs.');
  go(to(['executions', done.execution_id]));
}

const RESOLUTIONS = {
  done: {
    title: 'It happened?',
    text: 'The step completes with the output that you give, or with none. It is not called again.',
    fields: [
      { name: 'output', label: 'Output, as JSON', kind: 'long', hint: 'What later steps read of it; empty is null.' },
    ],
    action: 'It happened',
  },
  not_done: {
    title: 'It did not happen?',
    text: 'The step may be called again. If it did happen after all, it happens twice: be sure.',
    fields: [],
    action: 'It did not happen',
  },
  fail: {
    title: 'Count it as failed?',
    text: 'What the plan has for its failure takes place. Nobody claims to know whether the effect happened.',
    fields: [{ name: 'reason', label: 'Why', kind: 'long', required: true }],
    action: 'Count it as failed',
    look: 'bad',
  },
};

async function resolve({ id, step, item }, resolution, onDone) {
  const { title, text, fields, action, look } = RESOLUTIONS[resolution];
  const done = await ask({
    title,
    text,
    fields,
    action,
    look,
    act: ({ output, reason }) => {
      const body = { resolution, ...(item != null && { item }), ...(reason && { reason }) };
      if (output) body.output = parsed(output);
      return post(path`/v1/executions/${id}/steps/${step}:resolve`, body);
    },
  });
  if (done) onDone(done);
}

async function override({ id, step, item }, onDone) {
  const done = await ask({
    title: `Let ${step} pass a denial once?`,
    text: 'The call passes a denial by policy once, bound to its arguments. A freeze, the plan, and rules marked @absolute hold all the same. The journal keeps who did it and why.',
    fields: [{ name: 'reason', label: 'Why', kind: 'long', required: true }],
    action: 'Override',
    look: 'bad',
    act: ({ reason }) => post(path`/v1/executions/${id}:override`, { step, reason, ...(item != null && { item }) }),
  });
  if (done) onDone(done);
}
