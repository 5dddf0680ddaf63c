// Places in texts. The server counts characters (Unicode scalar values), JavaScript UTF-16 units: a rare character
// beyond the basic plane is one there and two here.

/// The UTF-16 places of character places; a place behind the text is its end.
export function places(text, wanted) {
  const sorted = [...new Set(wanted)].sort((a, b) => a - b);
  const found = new Map();
  let characters = 0;
  let unit = 0;
  for (const place of sorted) {
    while (characters < place && unit < text.length) {
      const code = text.charCodeAt(unit);
      const pair = code >= 0xd800 && code < 0xdc00 && unit + 1 < text.length;
      unit += pair ? 2 : 1;
      characters += 1;
    }
    found.set(place, unit);
  }
  return found;
}

/// Ranges in characters as ranges in UTF-16 units, in order, those within `from` taken off each.
export function units(text, ranges, from = 0) {
  const shifted = ranges.map((range) => ({ ...range, start: Math.max(range.start - from, 0), end: Math.max(range.end - from, 0) }));
  const at = places(text, shifted.flatMap(({ start, end }) => [start, end]));
  return shifted
    .map((range) => ({ ...range, start: at.get(range.start), end: at.get(range.end) }))
    .filter(({ start, end }) => start < end)
    .sort((a, b) => a.start - b.start || b.end - a.end);
}

/// The words of a range of characters.
export function cut(text, start, end) {
  const at = places(text, [start, end]);
  return text.slice(at.get(start), at.get(end));
}

/// Cuts `[from, to)` of a text (UTF-16 units) where ranges begin and end: `[start, end, ranges there]`.
export function pieces(ranges, from, to) {
  const inside = ranges.filter(({ start, end }) => start < to && end > from);
  const edges = new Set([from, to]);
  for (const { start, end } of inside) {
    edges.add(Math.max(start, from));
    edges.add(Math.min(end, to));
  }
  const sorted = [...edges].sort((a, b) => a - b);
  return sorted.slice(1).map((end, i) => {
    const start = sorted[i];
    return [start, end, inside.filter((range) => range.start <= start && range.end >= end)];
  });
}
