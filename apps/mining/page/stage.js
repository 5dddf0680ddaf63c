// A picture on a canvas with what was found in it: boxes with labels, a heat map, regions.

import { el } from "./dom.js";

/// Outlines by class: apart from each other for colour-blind readers too (after Okabe and Ito).
const COLOURS = ["#56b4e9", "#e69f00", "#33d6a6", "#f0e442", "#ff7f50", "#d9a0d9", "#8fb3ff", "#ffffff"];

export const colourOf = (at) => COLOURS[at % COLOURS.length];

/// From nothing to do to most unlike: transparent, yellow, orange, red (r, g, b, opacity).
const HEAT = [
  [255, 235, 120, 0],
  [255, 220, 80, 0.35],
  [255, 140, 30, 0.8],
  [225, 20, 25, 1],
];

function heatColour(share) {
  const at = Math.min(Math.max(share, 0), 1) * (HEAT.length - 1);
  const low = Math.min(Math.floor(at), HEAT.length - 2);
  const mix = at - low;
  return HEAT[low].map((value, i) => value + mix * (HEAT[low + 1][i] - value));
}

/// A map of values as a picture of a pixel a value; `from` and `to` are the ends of the colours.
function heatPicture({ rows, columns, values }, from, to) {
  const picture = el("canvas");
  [picture.width, picture.height] = [columns, rows];
  const context = picture.getContext("2d");
  const data = context.createImageData(columns, rows);
  values.forEach((value, i) => {
    const [r, g, b, a] = heatColour((value - from) / Math.max(to - from, 1e-9));
    data.data.set([r, g, b, Math.round(255 * a)], 4 * i);
  });
  context.putImageData(data, 0, 0);
  return picture;
}

export class Stage {
  constructor(holder) {
    this.holder = holder;
    this.canvas = el("canvas", { role: "img" });
    holder.append(this.canvas);
    this.picture = null;
    this.width = 0;
    this.height = 0;
    this.clear();
    new ResizeObserver(() => this.draw()).observe(holder);
  }

  /// Nothing is marked.
  clear() {
    Object.assign(this, { boxes: [], picked: null, heat: null, opacity: 0.6 });
  }

  /// Shows a picture in place of the one before.
  show(picture, width, height) {
    this.picture?.close?.();
    Object.assign(this, { picture, width, height });
    this.clear();
    this.holder.hidden = false;
    this.draw();
  }

  /// The map of an inspection: `{rows, columns, values, region}`, region in pixels of the picture.
  setHeat(map, threshold) {
    const low = map.values.reduce((a, b) => Math.min(a, b), Infinity);
    const high = map.values.reduce((a, b) => Math.max(a, b), -Infinity);
    // What is below the threshold everywhere is to look so.
    this.heat = { picture: heatPicture(map, low, Math.max(high, threshold ?? high)), region: map.region };
  }

  label(text) {
    this.canvas.setAttribute("aria-label", text);
  }

  draw() {
    const { picture, width, height } = this;
    const room = this.holder.clientWidth;
    if (!picture || room === 0) return;
    // Small pictures are enlarged up to twice, large ones fit the page.
    const scale = Math.min(room / width, (innerHeight * 0.74) / height, 2);
    const ratio = devicePixelRatio || 1;
    const { canvas } = this;
    canvas.style.width = `${Math.round(width * scale)}px`;
    canvas.style.height = `${Math.round(height * scale)}px`;
    canvas.width = Math.round(width * scale * ratio);
    canvas.height = Math.round(height * scale * ratio);
    this.paint(canvas.getContext("2d"), canvas.width / width, ratio);
  }

  paint(context, scale, unit) {
    context.imageSmoothingQuality = "high";
    context.drawImage(this.picture, 0, 0, this.width * scale, this.height * scale);
    if (this.heat && this.opacity > 0) {
      context.globalAlpha = this.opacity;
      const [x1, y1, x2, y2] = this.heat.region ?? [0, 0, this.width, this.height];
      context.drawImage(this.heat.picture, x1 * scale, y1 * scale, (x2 - x1) * scale, (y2 - y1) * scale);
      context.globalAlpha = 1;
    }
    // The surest last, on top; the one picked above all.
    const order = [...this.boxes].reverse().sort((a, b) => (a.id === this.picked) - (b.id === this.picked));
    for (const box of order) this.box(context, box, scale, unit);
  }

  box(context, { id, bbox, colour, text }, scale, unit) {
    const [x, y] = [bbox[0] * scale, bbox[1] * scale];
    const [w, h] = [(bbox[2] - bbox[0]) * scale, (bbox[3] - bbox[1]) * scale];
    const picked = id === this.picked;
    context.lineJoin = "round";
    context.strokeStyle = "#000a";
    context.lineWidth = (picked ? 7 : 4) * unit;
    context.strokeRect(x, y, w, h);
    context.strokeStyle = colour;
    context.lineWidth = (picked ? 4 : 2) * unit;
    context.strokeRect(x, y, w, h);
    if (!text) return;
    context.font = `600 ${13 * unit}px system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif`;
    context.textBaseline = "middle";
    const plate = context.measureText(text).width + 10 * unit;
    const tall = 20 * unit;
    const left = Math.min(Math.max(x, 0), Math.max(this.width * scale - plate, 0));
    const top = y >= tall ? y - tall : Math.min(y, this.height * scale - tall);
    context.fillStyle = "#10161ce0";
    context.fillRect(left, top, plate, tall);
    context.fillStyle = colour;
    context.fillText(text, left + 5 * unit, top + tall / 2);
  }

  /// The picture with its marks, as large as it is.
  file() {
    const whole = el("canvas");
    [whole.width, whole.height] = [this.width, this.height];
    this.paint(whole.getContext("2d"), 1, Math.max(1, Math.max(this.width, this.height) / 1100));
    return new Promise((resolve) => whole.toBlob(resolve, "image/png"));
  }
}
