// One story, from a plan that is pasted to an audit chain that is verified. Nothing that is shown comes from anywhere but
// the server that runs, and what is shown of the past is what the command line says of it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, login, shot, sound, start, visit, window } from './browser.mjs';
import { DOUBT, QUESTION, REPORT } from './plans.mjs';
import { Server } from './server.mjs';

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([
    Server.start({
      files: { 'one.txt': '1\n', 'two.txt': '2\n' },
      keys: { ann: 'operator', bob: 'viewer', eve: 'auditor' },
    }),
    start(),
  ]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The states of a plan's steps as the graph shows them. */
function shownStates(page) {
  return page
    .locator('.graph .node')
    .evaluateAll((nodes) =>
      Object.fromEntries(
        nodes.map((node) => [
          node.dataset.id,
          /\bis-(?!selected|piece|planned)(\w+)/.exec(node.getAttribute('class'))?.[1],
        ]),
      ),
    );
}

test('a plan is pasted, approved, watched, looked into, and verified', async () => {
  const [ann, bob] = await Promise.all([
    window(browser, server, { key: server.keys.ann }),
    window(browser, server, { key: server.keys.bob }),
  ]);

  // Bob looks at the list, which is empty, and says what to do.
  await bob.getByRole('heading', { name: 'Nothing has run yet' }).waitFor();

  // Ann pastes a plan with a mistake, and is told where it is.
  await visit(ann, server, '#/plans/new');
  const editor = ann.getByLabel('The plan, YAML or JSON');
  await editor.fill(REPORT.replace('tool: fs.write', 'tool: fs.wirte'));
  await ann
    .getByRole('button', { name: /^\d+:\d+$/ })
    .first()
    .click();
  assert.match(await editor.evaluate((field) => field.value.slice(0, field.selectionStart)), /tool: $/);
  await editor.fill(REPORT);
  await ann.getByText('Valid', { exact: false }).waitFor();

  // What it would do, before it does anything.
  await ann.getByLabel('title').fill('Numbers');
  await ann.getByRole('button', { name: 'Evaluate' }).click();
  await ann.getByText('Needs approval').first().waitFor();
  await ann.getByRole('link', { name: 'starter/effects' }).first().waitFor();
  await shot(ann, 'story-evaluated');

  await ann.getByRole('button', { name: 'Run' }).click();
  await ann.getByText('It waits for approval of its plan.').waitFor();
  const id = /executions\/([0-9a-f-]{36})/.exec(ann.url())[1];

  // Bob sees it appear without having done anything, and may not answer; he is told why.
  const row = bob.getByRole('row', { name: /Weekly report/ });
  await row.getByText('waiting: plan').waitFor();
  await bob.getByRole('link', { name: /^Inbox/ }).click();
  await bob.getByRole('link', { name: /May this plan run/ }).click();
  await bob.getByText('You cannot answer this one.').waitFor();
  assert.equal(await bob.getByRole('button', { name: /Approve/ }).count(), 0);
  await visit(bob, server, '#/executions');

  // Ann sees what she says yes to, and says it, with a reason.
  await ann.getByRole('link', { name: 'Look and answer' }).click();
  await ann.getByText('It will have 1 effect').waitFor();
  await ann.getByText('report.txt').first().waitFor();
  await shot(ann, 'story-request');
  await ann.getByLabel('Reason').fill('the numbers are wanted today');
  await ann.getByRole('button', { name: /^Approve/ }).click();
  await ann.getByText('the numbers are wanted today').waitFor();

  // She watches it complete; Bob does, too.
  await visit(ann, server, `#/executions/${id}`);
  await ann.locator('.graph .node').first().waitFor();
  await ann.locator('.execution-title').getByText('success').waitFor();
  await row.getByText('success').waitFor();
  assert.deepEqual(await shownStates(ann), {
    look: 'completed',
    each: 'completed',
    rest: 'completed',
    write: 'completed',
    none: 'skipped',
    note: 'completed',
  });
  await shot(ann, 'story-graph');

  // The rule behind a step, in its detail.
  await ann.locator('.node[data-id="write"]').click();
  const detail = ann.getByRole('complementary', { name: 'Step write' });
  await detail.getByText('Numbers: ', { exact: false }).first().waitFor();
  const rule = detail.getByRole('link', { name: 'starter/effects' });
  await rule.waitFor();
  await detail.getByText('Arguments digest').waitFor();
  await shot(ann, 'story-step');
  await accessible(ann, 'the step');
  await rule.click();
  await ann.locator('.rule.is-marked', { hasText: 'starter/effects' }).waitFor();

  await slide(ann, id);

  // The journal's rows hold each other, and an auditor verifies the whole.
  await visit(ann, server, `#/executions/${id}?tab=events`);
  await ann.getByText('each holding the hash of the one before').waitFor();
  const eve = await window(browser, server, { key: server.keys.eve });
  await visit(eve, server, '#/audit');
  await eve.getByRole('button', { name: 'Verify the journal' }).click();
  await eve.getByText('Intact').waitFor();
  const { head } = await server.json('audit', 'head');
  await eve.getByTitle(`${head.number}:${head.hash}`).waitFor();
  await shot(eve, 'story-audit');
  for (const page of [ann, bob, eve]) sound(page);
});

/** Slides through the whole journal of an execution: each moment is what `executions replay --at` says. */
async function slide(page, id) {
  await visit(page, server, `#/executions/${id}`);
  const { seq: last } = await server.api('ann', 'GET', `/v1/executions/${id}`);
  const { plan } = await server.api('ann', 'GET', `/v1/executions/${id}/plan`);
  const names = [...plan.steps, ...plan.finally].map((step) => step.id);
  const slider = page.getByRole('slider', { name: 'Event of the journal' });
  await page.locator('.graph .node').first().waitFor();
  const seen = new Set();
  for (let at = 1; at <= last; at += 1) {
    await slider.fill(String(at));
    const replayed = await server.json('executions', 'replay', id, '--at', String(at));
    const expected = Object.fromEntries(names.map((name, i) => [name, replayed.steps[i].state]));
    await page.waitForFunction(
      ([wanted, state]) => {
        const shown = [...document.querySelectorAll('.graph .node')].every((node) =>
          node.classList.contains(`is-${wanted[node.dataset.id]}`),
        );
        return shown && document.querySelector('.execution-title .state')?.textContent.startsWith(state);
      },
      [expected, at === last ? 'success' : replayed.state],
    );
    seen.add(JSON.stringify(expected));
  }
  // Otherwise nothing was slid through.
  assert.ok(seen.size > 5, `only ${seen.size} different moments`);
  await slider.fill(String(Math.floor(last / 2)));
  await page.getByText('as it was').waitFor();
  await shot(page, 'story-past');
  await page.getByRole('button', { name: 'Back to now' }).click();
  await page.locator('.execution-title').getByText('success').waitFor();
}

test('a question is answered, a doubt resolved, calls frozen and thawed, and a killed server comes back', async () => {
  const page = await window(browser, server, { key: server.keys.ann });

  const question = await server.submit('ann', QUESTION);
  await visit(page, server, '#/inbox');
  await page.getByRole('link', { name: /Which way shall it go/ }).click();
  await page.getByRole('button', { name: 'left' }).click();
  await page.getByText('Answered: left').waitFor();
  await server.reaches('ann', question, 'completed');

  const doubt = await server.submit('ann', DOUBT);
  await server.approveAll('ann');
  await server.reaches('ann', doubt, 'waiting');
  await visit(page, server, `#/executions/${doubt}?step=pay`);
  await page.getByText('waiting: in doubt').waitFor();
  await page.getByRole('button', { name: 'It did not happen' }).waitFor();
  await page.getByRole('button', { name: 'Count it as failed' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Why').fill('the bank says no');
  await dialog.getByRole('button', { name: 'Count it as failed' }).click();
  await page.locator('.execution-title').getByText('failure').waitFor();

  // One that did happen, said in the inbox: of the output that it had, nothing need be known.
  const done = await server.submit('ann', DOUBT);
  await server.approveAll('ann');
  await server.reaches('ann', done, 'waiting');
  await visit(page, server, '#/inbox');
  await page.getByRole('link', { name: /Did it happen/ }).click();
  assert.equal(await page.getByLabel('exit_code').isVisible(), false);
  await page.getByRole('button', { name: /^Done/ }).click();
  await page.getByText('Answered: done').waitFor();
  await server.reaches('ann', done, 'completed');

  await page.getByRole('button', { name: 'Freeze' }).click();
  await dialog.getByLabel('Why').fill('to be sure');
  await dialog.getByRole('button', { name: 'Freeze' }).click();
  await page.getByText('No call starts anywhere').waitFor();
  const held = await server.submit(
    'ann',
    'version: 1\nname: Held\nsteps: [{ id: one, tool: data.value, args: { value: 1 } }]\n',
  );
  await visit(page, server, `#/executions/${held}`);
  await page.getByText('Calls are frozen').first().waitFor();

  // The process is killed in the middle of it; the page says so, and goes on when the server is there again.
  await server.kill();
  await page.getByText('Not live').waitFor();
  await server.serve();
  // Who was logged in is not known any more, and the page is the same once they are again.
  await page.getByLabel('API key').waitFor();
  await login(page, server.keys.ann);
  await page.locator('.feed.is-live').waitFor();
  await page.getByText('No call starts anywhere').waitFor();
  await page.getByRole('button', { name: 'Thaw', exact: true }).click();
  await dialog.getByRole('button', { name: 'Thaw' }).click();
  await page.locator('.execution-title').getByText('success').waitFor();
});
