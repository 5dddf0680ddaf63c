// Coastlines: a packed file of the server (datasets/weather/coastlines/make_coastlines.py says how), unpacked once.

let lines = null;

/// The coasts as lists of [longitude, latitude].
export async function coasts() {
  lines ??= load().catch((error) => {
    lines = null;
    throw error;
  });
  return lines;
}

async function load() {
  const response = await fetch("/coastlines.bin");
  const unpacked = response.body.pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(unpacked).arrayBuffer());
  const name = new TextDecoder().decode(bytes.subarray(0, 8));
  if (name !== "STRCOAST" || bytes[8] !== 1) throw new Error("these are no coastlines");
  let at = 9;
  const number = () => {
    let [value, shift] = [0, 1];
    for (;;) {
      const byte = bytes[at];
      at += 1;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
      shift *= 128;
    }
  };
  const signed = () => {
    const value = number();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  };
  const rings = number();
  number();
  const coast = [];
  for (let ring = 0; ring < rings; ring += 1) {
    const count = number();
    let [x, y] = [0, 0];
    let part = [];
    for (let point = 0; point < count; point += 1) {
      const [fromX, fromY] = [x, y];
      x += signed();
      y += signed();
      // A ring's edges along 180° E and 90° S are no coast.
      const edge = point > 0 && ((Math.abs(x) === 18000 && x === fromX) || (y === -9000 && fromY === -9000));
      if (edge && part.length > 0) {
        coast.push(part);
        part = [];
      }
      part.push([x / 100, y / 100]);
    }
    coast.push(part);
  }
  return coast.filter((part) => part.length > 1);
}
