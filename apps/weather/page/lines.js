// Lines of equal value: marching squares over a map's points.

/// Interval of a variable's lines.
export function interval(base, hpa, field) {
  if (base.startsWith("pressure") || base === "surface_pressure") return 4;
  if (base === "geopotential_height") return hpa >= 700 ? 30 : hpa >= 400 ? 60 : 120;
  if (base.includes("temperature") || base === "dew_point") return 4;
  if (base.startsWith("wind")) return 10;
  const span = (field.head.most ?? 1) - (field.head.least ?? 0);
  return 10 ** Math.floor(Math.log10(span / 4 || 1));
}

/// For each level a list of segments `[x0, y0, x1, y1]` in columns and rows; points without a value have none around.
export function contours(field, step) {
  const { rows, columns, periodic, least, most } = field.head;
  const v = field.values;
  const levels = [];
  if (least === null || step <= 0) return levels;
  // A map that is far from what the interval is meant for would be all lines.
  while ((most - least) / step > 60) step *= 2;
  for (let level = Math.ceil(least / step) * step; level <= most; level += step) {
    const segments = [];
    const last = periodic ? columns : columns - 1;
    for (let y = 0; y < rows - 1; y += 1) {
      for (let x = 0; x < last; x += 1) {
        const right = (x + 1) % columns;
        const [a, b] = [v[y * columns + x], v[y * columns + right]];
        const [c, d] = [v[(y + 1) * columns + right], v[(y + 1) * columns + x]];
        const sum = a + b + c + d;
        if (sum !== sum) continue;
        const kind = (a >= level ? 8 : 0) | (b >= level ? 4 : 0) | (c >= level ? 2 : 0) | (d >= level ? 1 : 0);
        if (kind === 0 || kind === 15) continue;
        const share = (from, to) => (level - from) / (to - from);
        const top = () => [x + share(a, b), y];
        const side = () => [x + 1, y + share(b, c)];
        const bottom = () => [x + share(d, c), y + 1];
        const left = () => [x, y + share(a, d)];
        const add = (p, q) => segments.push([...p, ...q]);
        if (kind === 1 || kind === 14) add(left(), bottom());
        else if (kind === 2 || kind === 13) add(bottom(), side());
        else if (kind === 3 || kind === 12) add(left(), side());
        else if (kind === 4 || kind === 11) add(top(), side());
        else if (kind === 6 || kind === 9) add(top(), bottom());
        else if (kind === 7 || kind === 8) add(left(), top());
        else {
          // A saddle: the middle says which corners hang together.
          const high = sum / 4 >= level;
          if ((kind === 5) === high) {
            add(left(), top());
            add(bottom(), side());
          } else {
            add(left(), bottom());
            add(top(), side());
          }
        }
      }
    }
    levels.push({ level, segments });
  }
  return levels;
}
