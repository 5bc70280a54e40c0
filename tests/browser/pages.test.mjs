// Every page, light and dark, on a desk and on a phone: nothing that axe finds serious, nothing that breaks, and a picture
// of each for somebody to look at.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, DESKTOP, login, PHONE, shot, sound, start, visit, window } from './browser.mjs';
import { DOUBT, FAILS, HOSTILE, QUESTION, REPORT } from './plans.mjs';
import { Server } from './server.mjs';

let server;
let browser;
let pages;

before(async () => {
  [server, browser] = await Promise.all([
    Server.start({ files: { 'one.txt': '1\n', 'two.txt': '2\n' }, keys: { bob: 'viewer', ann: 'admin' } }),
    start(),
  ]);
  const [done, fails, doubt] = await Promise.all([REPORT, FAILS, DOUBT].map((plan) => server.submit('ann', plan)));
  await server.approveAll('ann');
  await Promise.all([
    server.reaches('ann', done, 'completed'),
    server.reaches('ann', fails, 'failed'),
    server.reaches('ann', doubt, 'waiting'),
  ]);
  const waits = await server.submit('ann', REPORT, { title: 'Again' });
  const question = await server.submit('ann', QUESTION);
  await server.reaches('ann', question, 'waiting');
  const { inbox } = await server.api('ann', 'GET', '/v1/inbox');
  const of = (kind) => inbox.find((request) => request.kind === kind).request_id;
  const { plan_hash: hash } = await server.api('ann', 'GET', `/v1/executions/${done}`);
  pages = {
    executions: '#/executions',
    'execution-graph': `#/executions/${done}?step=write`,
    'execution-timeline': `#/executions/${fails}?tab=timeline`,
    'execution-steps': `#/executions/${fails}?tab=steps&step=upload`,
    'execution-events': `#/executions/${done}?tab=events&event=4`,
    'execution-about': `#/executions/${done}?tab=about`,
    'execution-doubt': `#/executions/${doubt}`,
    'execution-waiting': `#/executions/${waits}`,
    'execution-past': `#/executions/${done}?at=9`,
    inbox: '#/inbox',
    'request-plan': `#/inbox/${of('plan')}`,
    'request-question': `#/inbox/${of('question')}`,
    'request-doubt': `#/inbox/${of('in_doubt')}`,
    plans: '#/plans',
    'plan-new': '#/plans/new',
    plan: `#/plans/${hash}`,
    policy: '#/policy',
    'policy-try': '#/policy?tab=try',
    tools: '#/tools',
    tool: '#/tools/fs.write',
    audit: '#/audit',
    lost: '#/nowhere',
  };
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const LOOKS = [
  ['light', 'light', DESKTOP],
  ['dark', 'dark', DESKTOP],
  ['phone-light', 'light', PHONE],
  ['phone-dark', 'dark', PHONE],
];

/** The times on an axis that the one behind lies over. */
function crowded(page) {
  return page.locator('.tick').evaluateAll((ticks) =>
    ticks
      .filter((tick, at) => {
        const behind = ticks[at + 1]?.getBoundingClientRect();
        return behind && behind.left < tick.getBoundingClientRect().right;
      })
      .map((tick) => tick.textContent),
  );
}

for (const [name, colorScheme, viewport] of LOOKS) {
  test(`every page, ${name}`, async () => {
    const page = await window(browser, server, { colorScheme, viewport });
    await page.getByLabel('API key').waitFor();
    await accessible(page, `log-in, ${name}`);
    await shot(page, `login-${name}`);
    await login(page, server.keys.ann);
    for (const [place, address] of Object.entries(pages)) {
      await visit(page, server, address);
      // Colours were looked at in the dark, and narrow pages in the light.
      if (name !== 'phone-dark') await accessible(page, `${place}, ${name}`);
      await shot(page, `${place}-${name}`);
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.equal(wide, 0, `${place}, ${name}: the page is wider than the window`);
      assert.deepEqual(await crowded(page), [], `${place}, ${name}: times on the axis lie over each other`);
      sound(page);
    }
    await page.context().close();
  });
}

test('the description of the API', async () => {
  for (const [name, colorScheme, viewport] of LOOKS) {
    const page = await window(browser, server, { colorScheme, viewport });
    await page.goto(`${server.base}/docs#submit_execution`);
    // What the address names is open, and seen.
    await page.locator('#submit_execution[open]').getByText('for example').waitFor();
    await accessible(page, `the description, ${name}`);
    await shot(page, `docs-${name}`);
    const wide = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert.equal(wide, 0, `the description, ${name}: the page is wider than the window`);
    await page.context().close();
  }
});

test('texts of others are texts', async () => {
  const id = await server.submit('ann', HOSTILE);
  await server.reaches('ann', id, 'completed');
  const page = await window(browser, server, { key: server.keys.ann });
  for (const address of [
    '#/executions',
    `#/executions/${id}?step=say`,
    `#/executions/${id}?tab=about`,
    `#/executions/${id}?tab=events&event=4`,
    '#/plans',
  ]) {
    await visit(page, server, address);
    await page.getByText('⟨U+202E⟩', { exact: false }).first().waitFor();
    const text = await page.evaluate(() => document.body.innerText);
    assert.doesNotMatch(text, /[\u202e\u2066\u0007]/u);
    assert.equal(await page.locator('main img, main script, main svg[onload]').count(), 0);
    assert.notEqual(await page.title(), 'taken');
  }
  assert.equal(await page.locator('a[href^="javascript:"]').count(), 0);
  sound(page);
});

test('nobody sees a button that their key may not press', async () => {
  const page = await window(browser, server, { key: server.keys.bob });
  await visit(page, server, pages['execution-doubt']);
  for (const name of ['Cancel', 'Pause', 'It happened'])
    assert.equal(await page.getByRole('button', { name }).count(), 0, name);
  await visit(page, server, '#/executions');
  assert.equal(await page.getByRole('link', { name: 'New plan' }).count(), 0);
  await visit(page, server, '#/tools/fs.write');
  assert.equal(await page.getByRole('button', { name: 'Disable' }).count(), 0);
  await visit(page, server, '#/audit');
  await page.getByText('Your log-in may not audit').waitFor();
  // Logging out ends the session for good.
  await page.getByRole('button', { name: 'bob' }).click();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByLabel('API key').waitFor();
  await page.goto(`${server.base}/#/executions`);
  await page.reload();
  await page.getByLabel('API key').waitFor();
  // A key that is none is told so.
  await page.getByLabel('API key').fill('mandate_nothing');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('alert').waitFor();
  await page.context().close();
});

test('the keyboard does all of it', async () => {
  const page = await window(browser, server, { key: server.keys.ann });
  await visit(page, server, '#/executions');
  await page.locator('.table.executions').waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  assert.equal(await page.locator('tr.is-at').count(), 1);
  await page.keyboard.press('Enter');
  await page.locator('.execution-title').waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('e');
  await page.locator('.table.executions').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('publish');
  assert.equal(await page.locator('.table.executions tbody tr').count(), 1);
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.getByRole('dialog').getByText('Everywhere').waitFor();
  await page.keyboard.press('Escape');
  // In the graph, arrows go from step to step.
  await visit(page, server, pages['execution-graph'].replace('?step=write', ''));
  await page.locator('.node[data-id="look"]').focus();
  await page.keyboard.press('ArrowDown');
  assert.notEqual(await page.evaluate(() => document.activeElement.dataset.id), 'look');
  await page.keyboard.press('Enter');
  await page.getByRole('complementary').waitFor();
  await page.keyboard.press('Escape');
  // The address changes first, and the page after it.
  await page.getByRole('complementary').waitFor({ state: 'detached' });
  sound(page);
});
