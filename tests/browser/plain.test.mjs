// What needs no page: the layout of a graph, its pieces, texts and times.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { drawn, pieces, WHOLE_UP_TO } from '../../crates/server/console/graph/groups.js';
import { layOut } from '../../crates/server/console/graph/layout.js';
import { clean, short } from '../../crates/server/console/text.js';
import { parseSpan, showDuration } from '../../crates/server/console/time.js';

/** Numbers that look random, and are the same each time. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (state * 16_807) % 2_147_483_647;
    return state % below;
  };
}

/** A plan's graph: edges go from earlier to later steps only. */
function graph(count, seed) {
  const next = random(seed);
  const nodes = Array.from({ length: count }, (_, i) => ({ id: `s${i}`, width: 200, height: 50, kind: 'step' }));
  const edges = [];
  for (let to = 1; to < count; to += 1) {
    const from = new Set([next(to), next(to), Math.max(0, to - 1 - next(4))]);
    for (const one of from)
      if (next(3) > 0) edges.push({ from: `s${one}`, to: `s${to}`, kind: next(2) ? 'need' : 'order' });
  }
  return { nodes, edges };
}

test('nodes never cover each other, and every edge goes down', () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const { nodes, edges } = graph(1 + ((seed * 7) % 90), seed);
    const { places, ways, width, height } = layOut(nodes, edges, 2 + (seed % 5));
    const all = [...places.values()];
    for (const [i, a] of all.entries()) {
      assert.ok(a.x >= 99.9 && a.x <= width - 99.9 && a.y >= 24.9 && a.y <= height - 24.9, `seed ${seed}: outside`);
      for (const b of all.slice(i + 1)) {
        assert.ok(Math.abs(a.x - b.x) >= 200 || Math.abs(a.y - b.y) >= 50, `seed ${seed}: covered`);
      }
    }
    edges.forEach((edge, i) => {
      assert.ok(places.get(edge.from).y < places.get(edge.to).y, `seed ${seed}: upwards`);
      const way = ways[i];
      assert.equal(way[0].x, places.get(edge.from).x);
      assert.equal(way.at(-1).x, places.get(edge.to).x);
      for (let at = 1; at < way.length; at += 1)
        assert.ok(way[at].y >= way[at - 1].y, `seed ${seed}: a way turns back`);
    });
  }
});

test('pieces hold each step once, and their edges go forward whatever is open', () => {
  const { nodes, edges } = graph(1_000, 3);
  const all = pieces(nodes);
  assert.equal(pieces(nodes.slice(0, WHOLE_UP_TO)).length, 0);
  for (const open of [[], [all[0].id], all.filter((_, i) => i % 2).map(({ id }) => id), all.map(({ id }) => id)]) {
    const shown = drawn({ nodes, edges }, all, new Set(open));
    const held = shown.nodes.flatMap((node) => (node.pieces ? node.pieces.flatMap(({ members }) => members) : [node]));
    assert.deepEqual(held, nodes);
    const at = new Map(shown.nodes.map(({ id }, i) => [id, i]));
    for (const { from, to } of shown.edges) assert.ok(at.get(from) < at.get(to));
  }
});

test('what cannot be seen in a text is shown', () => {
  assert.equal(clean('a\u202eb\u200bc\u0007d'), 'a⟨U+202E⟩b⟨U+200B⟩c⟨U+0007⟩d');
  assert.equal(clean('tab\tand\nline\r\nbreaks'), 'tab\tand\nline\nbreaks');
  assert.equal(clean('tag \u{e0041} mark'), 'tag ⟨U+E0041⟩ mark');
  assert.equal(clean('Grüße, 你好, 👍🏽 stay'), 'Grüße, 你好, 👍🏽 stay');
  assert.equal(short('one  two\nthree', 9), 'one two …');
});

test('durations read like durations', () => {
  assert.deepEqual([0, 999, 1_500, 65_000, 7_500_000, 200_000_000].map(showDuration), [
    '0 ms',
    '999 ms',
    '1.5 s',
    '1 min 5 s',
    '2 h 5 min',
    '2 d 7 h',
  ]);
  assert.deepEqual(['90s', '2h', '7d', 'soon'].map(parseSpan), [90_000, 7_200_000, 604_800_000, null]);
});

test('what the first look needs is read at once', async () => {
  const folder = new URL('../../crates/server/console/', import.meta.url);
  const read = (name) => readFile(new URL(name, folder), 'utf8');
  const needed = new Set();
  const follow = async (name) => {
    if (needed.has(name)) return;
    needed.add(name);
    for (const [, from] of (await read(name)).matchAll(/^import [^;]*?from '([^']+)';$/gms)) {
      await follow(new URL(from, new URL(name, folder)).href.slice(folder.href.length));
    }
  };
  await follow('app.js');
  needed.delete('app.js');
  const preloaded = [...(await read('index.html')).matchAll(/rel="modulepreload" href="([^"]+)"/g)].map(
    ([, name]) => name,
  );
  assert.deepEqual(preloaded.sort(), [...needed].sort());
});
