// Where the nodes of a plan's graph stand: layers from top to bottom, few crossings, straight ways. Linear but for a
// logarithm, so that a plan of a thousand steps is laid out between two frames.
//
// Nodes come in document order, in which every edge points forward; so one pass gives the layers, and a layer that is
// full hands on to the next one: thirty steps side by side become rows, not a strip that nobody can read.

const GAP_X = 28;
const GAP_Y = 44;
/** The width that an edge takes where it passes a layer. */
const LANE = 18;
/** Lanes over all; edges beyond that are drawn straight through. */
const MOST_LANES = 6_000;
const SWEEPS = 8;

/**
 * `nodes`: `[{id, width, height}]` in document order; `edges`: `[{from, to, …}]`; `abreast`: nodes side by side, at most.
 * Gives `places` (id → `{x, y}` of the middle), `ways` (for each edge a list of points), `width`, `height`.
 */
export function layOut(nodes, edges, abreast = 6) {
  const layers = intoLayers(nodes, edges, abreast);
  const ways = withLanes(layers, edges);
  untangle(layers);
  const width = placeAcross(layers);
  const height = placeDown(layers);
  const places = new Map(
    layers
      .flat()
      .filter((cell) => !cell.lane)
      .map((cell) => [cell.id, { x: cell.x, y: cell.y }]),
  );
  return { places, ways: ways.map(points), width, height };
}

function intoLayers(nodes, edges, abreast) {
  const before = new Map(nodes.map(({ id }) => [id, []]));
  for (const { from, to } of edges) if (before.has(from)) before.get(to)?.push(from);
  const layers = [];
  const layerOf = new Map();
  for (const node of nodes) {
    let at = 0;
    for (const from of before.get(node.id)) at = Math.max(at, (layerOf.get(from) ?? -1) + 1);
    while ((layers[at]?.length ?? 0) >= abreast) at += 1;
    layerOf.set(node.id, at);
    while (layers.length <= at) layers.push([]);
    layers[at].push({ id: node.id, width: node.width, height: node.height, layer: at, above: [], below: [] });
  }
  return layers;
}

/**
 * Cells for edges where they pass layers, and for each edge the cells that it goes through. Edges from one node to many,
 * or from many to one, share them.
 */
function withLanes(layers, edges) {
  const cells = new Map(layers.flat().map((cell) => [cell.id, cell]));
  const known = edges.filter(({ from, to }) => cells.has(from) && cells.has(to));
  const degree = (end) => known.reduce((all, edge) => all.set(edge[end], (all.get(edge[end]) ?? 0) + 1), new Map());
  const [out, into] = [degree('from'), degree('to')];
  const lanes = new Map();
  const laneAt = (edge, at) => {
    const key = out.get(edge.from) >= into.get(edge.to) ? `from ${edge.from} ${at}` : `to ${edge.to} ${at}`;
    if (!lanes.has(key)) {
      const lane = { lane: true, width: LANE, height: 0, layer: at, above: [], below: [] };
      lanes.set(key, lane);
      layers[at].push(lane);
    }
    return lanes.get(key);
  };
  return edges.map((edge) => {
    const [from, to] = [cells.get(edge.from), cells.get(edge.to)];
    if (!from || !to) return [];
    const way = [from];
    for (let at = from.layer + 1; at < to.layer && lanes.size < MOST_LANES; at += 1) way.push(laneAt(edge, at));
    way.push(to);
    for (let i = 1; i < way.length; i += 1) join(way[i - 1], way[i]);
    return way;
  });
}

function join(upper, lower) {
  if (lower.layer !== upper.layer + 1 || upper.below.includes(lower)) return;
  upper.below.push(lower);
  lower.above.push(upper);
}

/** Orders each layer by where its neighbours stand, downwards and upwards, and keeps the best. */
function untangle(layers) {
  number(layers);
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(layers);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    const down = sweep % 2 === 0;
    const order = down ? layers.keys() : [...layers.keys()].reverse();
    for (const at of order) sortByNeighbours(layers[at], down ? 'above' : 'below');
    const now = crossings(layers);
    if (now < fewest) {
      fewest = now;
      best = layers.map((layer) => [...layer]);
    }
  }
  best.forEach((layer, at) => layers.splice(at, 1, layer));
  number(layers);
}

function number(layers) {
  for (const layer of layers) layer.forEach((cell, i) => (cell.at = i));
}

function sortByNeighbours(layer, side) {
  for (const cell of layer) {
    const others = cell[side];
    cell.wish = others.length ? others.reduce((sum, other) => sum + other.at, 0) / others.length : cell.at;
  }
  layer.sort((a, b) => a.wish - b.wish || a.at - b.at);
  layer.forEach((cell, i) => (cell.at = i));
}

/** Crossings between neighbouring layers: inversions, counted with a Fenwick tree. */
function crossings(layers) {
  let sum = 0;
  for (let at = 0; at + 1 < layers.length; at += 1) {
    const ends = [];
    for (const cell of layers[at]) ends.push(...cell.below.map((other) => other.at).sort((a, b) => a - b));
    const tree = new Array(layers[at + 1].length + 1).fill(0);
    let seen = 0;
    for (const end of ends) {
      let upTo = 0;
      for (let i = end + 1; i > 0; i -= i & -i) upTo += tree[i];
      sum += seen - upTo;
      for (let i = end + 1; i < tree.length; i += i & -i) tree[i] += 1;
      seen += 1;
    }
  }
  return sum;
}

/** Moves each layer as close to its neighbours as the order and the gaps allow: exactly, for each layer, by pooling. */
function placeAcross(layers) {
  for (const layer of layers) {
    let x = 0;
    for (const cell of layer) {
      cell.x = x + cell.width / 2;
      x += cell.width + GAP_X;
    }
    for (const cell of layer) cell.x -= x / 2;
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    const order = down ? layers.keys() : [...layers.keys()].reverse();
    for (const at of order) pull(layers[at], down ? 'above' : 'below');
  }
  const all = layers.flat();
  const left = Math.min(...all.map((cell) => cell.x - cell.width / 2), 0);
  for (const cell of all) cell.x -= left;
  return Math.max(...all.map((cell) => cell.x + cell.width / 2), 0);
}

function pull(layer, side) {
  const pools = [];
  let offset = 0;
  layer.forEach((cell, i) => {
    if (i > 0) offset += (layer[i - 1].width + cell.width) / 2 + (cell.lane || layer[i - 1].lane ? GAP_X / 3 : GAP_X);
    cell.offset = offset;
    // Edges that pass are kept straight rather than nodes centred.
    const straight = cell.lane && cell[side].some((other) => other.lane);
    const others = straight ? cell[side].filter((other) => other.lane) : cell[side];
    const wish = others.length ? others.reduce((sum, other) => sum + other.x, 0) / others.length : cell.x;
    const weight = others.length === 0 ? 0.1 : straight ? 1_000 : 1;
    let pool = { sum: (wish - offset) * weight, weight, cells: [cell] };
    while (pools.length && pools.at(-1).sum / pools.at(-1).weight > pool.sum / pool.weight) {
      const last = pools.pop();
      pool = { sum: last.sum + pool.sum, weight: last.weight + pool.weight, cells: last.cells.concat(pool.cells) };
    }
    pools.push(pool);
  });
  for (const { sum, weight, cells } of pools) for (const cell of cells) cell.x = sum / weight + cell.offset;
}

function placeDown(layers) {
  let y = 0;
  for (const layer of layers) {
    const height = Math.max(...layer.map((cell) => cell.height), 0);
    for (const cell of layer) {
      cell.y = y + height / 2;
      cell.room = height;
    }
    y += height + GAP_Y;
  }
  return Math.max(0, y - GAP_Y);
}

/** From the foot of the first to the head of the last, through the lanes. */
function points(way) {
  if (way.length < 2) return [];
  const [first, last] = [way[0], way.at(-1)];
  const inner = way.slice(1, -1).flatMap((lane) => [
    { x: lane.x, y: lane.y - lane.room / 2 },
    { x: lane.x, y: lane.y + lane.room / 2 },
  ]);
  return [{ x: first.x, y: first.y + first.height / 2 }, ...inner, { x: last.x, y: last.y - last.height / 2 }];
}
