// Wind barbs after the WMO: a half barb is 5 kn, a barb 10 kn, a pennant 50 kn; the shaft points to where the wind comes from, barbs
// lie on its clockwise side in the northern hemisphere and on the other in the southern.

const KNOT = 1852 / 3600;

/// Draws a barb for a wind in m/s at a point of a canvas.
export function barb(c, x, y, u, v, south, length = 24) {
  const knots = Math.round(Math.hypot(u, v) / KNOT / 5) * 5;
  if (!Number.isFinite(knots)) return;
  c.beginPath();
  if (knots < 5) {
    c.arc(x, y, 2.4, 0, 2 * Math.PI);
    c.stroke();
    return;
  }
  c.save();
  c.translate(x, y);
  // Upwards is against the wind.
  c.rotate(Math.atan2(-u, -v));
  const side = south ? -1 : 1;
  c.moveTo(0, 0);
  c.lineTo(0, -length);
  let [left, at] = [knots, -length];
  const pennants = Math.floor(left / 50);
  for (let i = 0; i < pennants; i += 1) {
    c.moveTo(0, at);
    c.lineTo(side * 9, at + 1.5);
    c.lineTo(0, at + 5.5);
    at += 6;
  }
  left -= pennants * 50;
  if (pennants > 0) at += 1.5;
  for (; left >= 10; left -= 10) {
    c.moveTo(0, at);
    c.lineTo(side * 9, at - 4);
    at += 4;
  }
  if (left >= 5) {
    // A half barb alone does not stand at the end: it would look like a bend.
    if (at === -length) at += 4;
    c.moveTo(0, at);
    c.lineTo(side * 4.5, at - 2);
  }
  c.stroke();
  if (pennants > 0) c.fill();
  c.restore();
}
