// A plan with as many steps as a plan may have: how long it takes until its page can be used is measured and printed.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, PHONE, shot, sound, start, window } from './browser.mjs';
import { large } from './plans.mjs';
import { Server } from './server.mjs';

let server;
let browser;
let id;

before(async () => {
  [server, browser] = await Promise.all([Server.start({ keys: { ann: 'operator' }, limits: 5_000 }), start()]);
  id = await server.submit('ann', large());
  await server.reaches('ann', id, 'completed');
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Milliseconds from the address being opened to `ready`, and then to an answer to a press. */
async function measure(page, address, ready, press) {
  await page.goto('about:blank');
  const began = performance.now();
  await page.goto(`${server.base}/${address}`);
  await ready();
  const shown = performance.now() - began;
  await press();
  return { shown, usable: performance.now() - began };
}

test('a thousand steps', async (t) => {
  const page = await window(browser, server, { key: server.keys.ann });
  const steps = await measure(
    page,
    `#/executions/${id}?tab=steps`,
    () => page.getByRole('option', { name: /^s0\b/ }).waitFor(),
    async () => {
      await page.getByRole('option', { name: /^s1\b/ }).click();
      await page.getByRole('complementary', { name: 'Step s1' }).waitFor();
    },
  );
  const graph = await measure(
    page,
    `#/executions/${id}`,
    () => page.locator('.node.is-piece').first().waitFor(),
    async () => {
      await page.locator('.node.is-piece').first().click();
      await page.locator('.node[data-id="s0"]').waitFor();
    },
  );
  for (const [name, { shown, usable }] of Object.entries({ steps, graph })) {
    t.diagnostic(`1,024 steps, ${name}: shown after ${shown.toFixed(0)} ms, answers after ${usable.toFixed(0)} ms`);
  }
  await shot(page, 'large-graph');

  // Only what is seen is built, in lists and in the graph.
  assert.ok((await page.locator('.graph .node').count()) < 200);
  await page.getByRole('tab', { name: 'Events' }).click();
  await page.getByText(/\b2,?\d{3} events/).waitFor();
  assert.ok((await page.locator('[role="option"]').count()) < 200);
  await page.getByRole('listbox', { name: 'Events in the order of the journal' }).focus();
  await page.keyboard.press('End');
  await page.getByRole('option', { name: /execution finished/ }).waitFor();
  await page.getByRole('tab', { name: 'Timeline' }).click();
  await page.locator('.timeline .bar').first().waitFor();
  assert.ok((await page.locator('.timeline .bar').count()) < 300);
  await accessible(page, 'a thousand steps');

  // All of them, drawn, and a moment in the middle.
  await page.getByRole('tab', { name: 'Graph' }).click();
  await page.getByRole('button', { name: /^Open all/ }).click();
  assert.equal(await page.locator('.graph .node').count(), 1024);
  await page.getByRole('slider', { name: 'Event of the journal' }).fill('1000');
  await page.getByText('as it was').waitFor();
  sound(page);
  await page.context().close();

  const phone = await window(browser, server, { key: server.keys.ann, viewport: PHONE });
  await phone.goto(`${server.base}/#/executions/${id}?tab=graph`);
  await phone.locator('.node.is-piece').first().waitFor();
  await shot(phone, 'large-phone');
  sound(phone);
});
