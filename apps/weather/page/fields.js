// Maps of the server: asked for once, kept while they are of use, and read between their points.

import { request } from "./api.js";

/// Maps that are kept.
const KEPT = 80;
const kept = new Map();

/// A map: `{model, run, variable, step, member}`.
export async function field(ask, signal) {
  const query = new URLSearchParams({ ...ask, format: "bin" }).toString();
  const known = kept.get(query);
  if (known) return known;
  const bytes = await (await request(`/v1/fields?${query}`, { signal })).arrayBuffer();
  const size = new DataView(bytes).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, size)));
  const map = new Field(head, new Float32Array(bytes, 4 + size));
  kept.set(query, map);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return map;
}

/// Forgets all maps: another run may have the same name.
export const forget = () => kept.clear();

export class Field {
  constructor(head, values) {
    Object.assign(this, { head, values });
  }

  /// Column and row of a place, not whole; null outside.
  place(lon, lat) {
    const { rows, columns, north, west, row_step: dy, column_step: dx, periodic } = this.head;
    const y = dy > 0 ? (north - lat) / dy : 0;
    let x = (lon - west) / dx;
    if (periodic) x = ((x % columns) + columns) % columns;
    else if (x > columns - 1 && x - 360 / dx >= -1e-6) x -= 360 / dx;
    else if (x < 0 && x + 360 / dx <= columns - 1 + 1e-6) x += 360 / dx;
    if (y < -1e-6 || y > rows - 1 + 1e-6 || x < -1e-6 || (!periodic && x > columns - 1 + 1e-6)) return null;
    return [x, Math.min(Math.max(y, 0), rows - 1)];
  }

  /// The value at a place, linear between the points; NaN outside.
  at(lon, lat) {
    const place = this.place(lon, lat);
    if (!place) return Number.NaN;
    const { columns, rows, periodic } = this.head;
    const [x, y] = place;
    const x0 = Math.min(Math.floor(x), columns - 1);
    const y0 = Math.min(Math.floor(y), rows - 1);
    const x1 = periodic ? (x0 + 1) % columns : Math.min(x0 + 1, columns - 1);
    const y1 = Math.min(y0 + 1, rows - 1);
    const [fx, fy] = [x - x0, y - y0];
    const v = this.values;
    const top = v[y0 * columns + x0] * (1 - fx) + v[y0 * columns + x1] * fx;
    const bottom = v[y1 * columns + x0] * (1 - fx) + v[y1 * columns + x1] * fx;
    return top * (1 - fy) + bottom * fy;
  }
}
