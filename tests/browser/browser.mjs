// A real browser, and what every page is held to: no error in its console, nothing that its own policy forbids, and
// nothing that axe finds serious.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];
const SHOTS = resolve(import.meta.dirname, '../../target/browser');
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** Starts the browser: `MANDATE_CHROMIUM`, or the one of the system. */
export async function start() {
  const executablePath = process.env.MANDATE_CHROMIUM ?? PLACES.find(existsSync);
  assert.ok(executablePath, 'there is no Chromium: install it, or name it in MANDATE_CHROMIUM');
  await mkdir(SHOTS, { recursive: true });
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** A window of somebody who is logged in by their key; none where `key` is missing. */
export async function window(browser, server, { key, colorScheme = 'light', viewport = DESKTOP } = {}) {
  const phone = viewport.width < 500;
  const context = await browser.newContext({
    viewport,
    colorScheme,
    isMobile: phone,
    hasTouch: phone,
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(error.stack));
  page.on(
    'console',
    (message) => message.type() === 'error' && page.faults.push(`${message.text()} ${message.location().url}`),
  );
  await page.goto(`${server.base}/`);
  if (key) await login(page, key);
  return page;
}

/** Logs in as a person does. */
export async function login(page, key) {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  // Nobody was logged in before that, and the browser says so.
  page.faults = page.faults.filter((fault) => !/\b401\b/.test(fault));
}

/** Goes to a page, and waits until it has something to show. */
export async function visit(page, server, address) {
  // Anew each time: where the address alone changes, the page before is there until it has heard of that.
  await page.goto('about:blank');
  await page.goto(`${server.base}/${address}`);
  const shown = page.waitForFunction(() => {
    const place = document.querySelector('main .page');
    return place?.childElementCount > 0 && !/Reading…|Checking…/.test(place.textContent);
  });
  await shown.catch(async (error) => {
    await shot(page, 'not-shown');
    throw new Error(`${address} is not shown: ${error.message}; ${page.faults.join('; ')}`);
  });
}

/** That nothing went wrong on a page since it was opened. */
export function sound(page) {
  assert.deepEqual(page.faults, []);
}

/** What axe finds serious or critical. */
export async function accessible(page, name) {
  // Past the page's own policy, which lets no such script in.
  await page.evaluate(await readFile(AXE, 'utf8'));
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const told = grave.map(
    ({ id, nodes }) =>
      `${id}: ${nodes
        .map(({ html }) => html)
        .slice(0, 3)
        .join(' | ')}`,
  );
  assert.deepEqual(told, [], `${name} is not accessible`);
}

/** A picture, for somebody to look at: `target/browser/NAME.png`. */
export async function shot(page, name) {
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}
