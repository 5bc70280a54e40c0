// Where the pieces on a shelf stand: in rows, read like text, so that a large plan fits into one look.

import { PIECE } from './node.js';

const GAP_X = 34;
const GAP_Y = 26;

/** The size of a shelf with so many pieces in a row. */
export function shelfSize(pieces, columns) {
  const across = Math.min(columns, pieces.length);
  const rows = Math.ceil(pieces.length / columns);
  return { width: across * (PIECE.width + GAP_X) - GAP_X, height: rows * (PIECE.height + GAP_Y) - GAP_Y };
}

/** The middle of each piece, and the short ways from each to the one beside it; `at` is the shelf's middle. */
export function onShelf(pieces, columns, at) {
  const size = shelfSize(pieces, columns);
  const places = pieces.map((_, i) => ({
    x: at.x - size.width / 2 + (i % columns) * (PIECE.width + GAP_X) + PIECE.width / 2,
    y: at.y - size.height / 2 + Math.floor(i / columns) * (PIECE.height + GAP_Y) + PIECE.height / 2,
  }));
  const ways = places.slice(1).flatMap((place, i) => {
    const before = places[i];
    if (before.y !== place.y) return [];
    return [
      [
        { x: before.x + PIECE.width / 2 + 5, y: before.y },
        { x: place.x - PIECE.width / 2, y: place.y },
      ],
    ];
  });
  return { places, ways };
}
