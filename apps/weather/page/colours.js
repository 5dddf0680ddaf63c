// Colours of maps: for each kind of variable a scale that stays the same from step to step.

/// Stops of a scale, dark to light or through a middle, as RGB. Sequential ones grow in lightness evenly, so that equal steps look
/// equal; of a temperature's, blue is cold and red warm.
const SCALES = {
  warmth: ["#30123b", "#3b3a97", "#3f6fd0", "#4fa3e0", "#8fcbe8", "#d6eaf0", "#fdf3d0", "#fcd089", "#f39a4f", "#dd5a35", "#b3202c", "#6d0a26"],
  wind: ["#f4f7fa", "#cfe3f1", "#9ccbe6", "#62aed8", "#3a8cc4", "#3f68b0", "#5a479c", "#7b2c87", "#8f1d63", "#7a0f36"],
  pressure: ["#4a2377", "#5d4bab", "#6c7ec9", "#93aedb", "#c9dbe8", "#f2f1e6", "#f1d9a8", "#e2ab68", "#c8763d", "#9d4523", "#6b2216"],
  height: ["#2b2a6b", "#2f5597", "#3c82ad", "#5faeb0", "#97cfb0", "#d3e7b5", "#f6efbd", "#f3cf8a", "#e79d5d", "#cc6545", "#99303a"],
  moist: ["#8a5a2b", "#b98a52", "#dcc08f", "#f2ead1", "#d5e8e3", "#9fcfcb", "#5fa8ab", "#2c7c86", "#12525f"],
  across: ["#5b2a86", "#7f5bb0", "#a893cd", "#d2c8e4", "#f5f4f2", "#cfe3cf", "#93c59b", "#4f9d69", "#166b41"],
};

const rgb = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

function table(name) {
  const stops = SCALES[name].map(rgb);
  const colours = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i += 1) {
    const at = (i / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    for (let c = 0; c < 3; c += 1) colours[i * 3 + c] = stops[low][c] + (stops[low + 1][c] - stops[low][c]) * (at - low);
  }
  return colours;
}

/// Middle of the heights of pressures in a standard atmosphere, in m.
const standard = (hpa) => 44330.8 * (1 - (hpa / 1013.25) ** 0.190263);

/// Scale and range of a variable `base` at a pressure (0 for the ground); `field` gives the range where none is known.
export function scaleOf(base, hpa, field) {
  const found = { least: field.head.least ?? 0, most: field.head.most ?? 1 };
  const fixed = {
    temperature: hpa === 0 ? ["warmth", -40, 44] : null,
    dew_point: ["warmth", -40, 32],
    surface_temperature: ["warmth", -40, 50],
    sea_surface_temperature: ["warmth", -2, 34],
    apparent_temperature: ["warmth", -40, 48],
    relative_humidity: ["moist", 0, 100],
    pressure_msl: ["pressure", 960, 1050],
    wind_speed: ["wind", 0, hpa > 0 && hpa < 400 ? 80 : hpa > 0 && hpa < 750 ? 50 : 36],
  }[base];
  if (fixed) return make(...fixed);
  if (base === "temperature") {
    // About 0.65 K less every 100 m, down to the tropopause.
    const middle = Math.max(15 - 0.0065 * standard(hpa), -58);
    return make("warmth", Math.round(middle - 40), Math.round(middle + 30));
  }
  if (base === "geopotential_height") {
    const [middle, half] = [standard(hpa), 120 + 0.055 * standard(hpa)];
    const round = (value) => Math.round(value / 20) * 20;
    const scale = make("height", round(middle - half * 1.35), round(middle + half));
    // Another planet's levels lie elsewhere.
    if (found.least >= scale.least - half && found.most <= scale.most + half) return scale;
    return make("height", found.least, found.most);
  }
  if (base.endsWith("_component")) {
    const most = Math.max(Math.abs(found.least), Math.abs(found.most), 10);
    return make("across", -Math.ceil(most / 10) * 10, Math.ceil(most / 10) * 10);
  }
  if (base === "wind_direction") return make("across", 0, 360);
  return make("pressure", found.least, found.most);
}

function make(name, least, most) {
  const colours = table(name);
  const span = most - least || 1;
  const index = (value) => Math.min(Math.max(Math.round(((value - least) / span) * 255), 0), 255);
  return { least, most, colours, index };
}

/// Round numbers between two, about so many.
export function ticks(least, most, about = 6) {
  const rough = (most - least) / about || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999) ?? power * 10;
  const list = [];
  for (let at = Math.ceil(least / step - 1e-9) * step; at <= most + step * 1e-9; at += step) list.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return list;
}

/// Draws a scale with its numbers.
export function drawLegend(canvas, scale, unit, ink) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth || 300, 34];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.height = `${height}px`;
  const c = canvas.getContext("2d");
  c.scale(ratio, ratio);
  const [left, right] = [22, width - 60];
  for (let x = left; x < right; x += 1) {
    const i = Math.round(((x - left) / (right - left)) * 255) * 3;
    c.fillStyle = `rgb(${scale.colours[i]} ${scale.colours[i + 1]} ${scale.colours[i + 2]})`;
    c.fillRect(x, 0, 1.5, 13);
  }
  c.fillStyle = ink;
  c.font = "11.5px system-ui, sans-serif";
  c.textAlign = "center";
  for (const tick of ticks(scale.least, scale.most, Math.max(4, Math.floor((right - left) / 90)))) {
    const x = left + ((tick - scale.least) / (scale.most - scale.least)) * (right - left);
    c.fillRect(x - 0.5, 13, 1, 4);
    c.fillText(String(Math.round(tick * 1e4) / 1e4), x, 29);
  }
  c.textAlign = "left";
  c.font = "600 12px system-ui, sans-serif";
  c.fillText(unit, right + 10, 12);
}
