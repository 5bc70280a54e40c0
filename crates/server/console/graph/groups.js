// Large plans in pieces: neighbours in the document become one node that can be opened. Every edge of a plan points
// forward in the document, so pieces of it cannot wait for each other in a circle.

/** Plans up to this many steps are shown whole. */
export const WHOLE_UP_TO = 90;
/** How many pieces a larger one has, about. */
const PIECES = 32;

/** The pieces of a plan's nodes: `[{id, from, until}]`; none where it is shown whole. */
export function pieces(nodes) {
  if (nodes.length <= WHOLE_UP_TO) return [];
  const size = Math.max(8, 2 ** Math.ceil(Math.log2(nodes.length / PIECES)));
  const all = [];
  for (let from = 0; from < nodes.length; from += size) {
    all.push({ id: `piece-${from}`, from, until: Math.min(nodes.length, from + size) });
  }
  return all;
}

/**
 * The graph as it is drawn: single nodes where a piece is open or nothing is in pieces, else pieces, those beside each
 * other on one shelf; and the edges between what is drawn, each once.
 */
export function drawn(graph, all, open) {
  const standsFor = new Map();
  const nodes = [];
  const single = (node) => {
    standsFor.set(node.id, node.id);
    nodes.push(node);
  };
  if (all.length === 0) graph.nodes.forEach(single);
  let shelf = null;
  for (const piece of all) {
    const members = graph.nodes.slice(piece.from, piece.until);
    if (open.has(piece.id)) {
      shelf = null;
      members.forEach(single);
      continue;
    }
    if (!shelf) {
      shelf = { id: `shelf-${piece.from}`, pieces: [] };
      nodes.push(shelf);
    }
    shelf.pieces.push({ id: piece.id, members, first: members[0].id, last: members.at(-1).id });
    for (const member of members) standsFor.set(member.id, shelf.id);
  }
  const edges = new Map();
  for (const edge of graph.edges) {
    const [from, to] = [standsFor.get(edge.from), standsFor.get(edge.to)];
    if (!from || !to || from === to) continue;
    const key = `${from}\n${to}`;
    const known = edges.get(key);
    if (!known || rank(edge.kind) > rank(known.kind)) edges.set(key, { from, to, kind: edge.kind });
  }
  const order = new Map(nodes.map((node, i) => [node.id, i]));
  const forward = [...edges.values()].filter(({ from, to }) => order.get(from) < order.get(to));
  return { nodes, edges: forward };
}

/** A need says more than an order. */
function rank(kind) {
  return kind === 'need' ? 2 : kind === 'fallback' ? 1 : 0;
}
