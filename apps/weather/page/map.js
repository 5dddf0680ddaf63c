// The map: colours, lines, barbs, coasts, tracks and the chosen place on a canvas, which is moved and zoomed.

import { barb } from "./barbs.js";

/// Where longitudes and latitudes lie on a canvas.
class View {
  constructor(area) {
    this.reset(area);
  }

  /// `area` is [north, west, south, east]; around the globe where there is none.
  reset(area) {
    this.area = area ?? [90, -180, -90, 180];
    const [north, west, south, east] = this.area;
    this.around = !area;
    Object.assign(this, { lon: (west + east) / 2, lat: (north + south) / 2, zoom: 1 });
  }

  size(width) {
    const [north, west, south, east] = this.area;
    this.width = width;
    this.height = Math.round(Math.min(Math.max((width * (north - south)) / (east - west), width * 0.4), width * 0.75));
    this.base = Math.min(width / (east - west), this.height / Math.max(north - south, 1e-6));
  }

  get scale() {
    return this.base * this.zoom;
  }

  clamp() {
    const [north, west, south, east] = this.area;
    const half = this.height / 2 / this.scale;
    const middle = (north + south) / 2;
    const room = Math.max((north - south) / 2 - half, 0);
    this.lat = Math.min(Math.max(this.lat, middle - room), middle + room);
    if (this.around) {
      this.lon = ((((this.lon + 180) % 360) + 360) % 360) - 180;
    } else {
      const side = Math.max((east - west) / 2 - this.width / 2 / this.scale, 0);
      this.lon = Math.min(Math.max(this.lon, (west + east) / 2 - side), (west + east) / 2 + side);
    }
  }

  /// The place under a point of the canvas.
  place(x, y) {
    return [this.lon + (x - this.width / 2) / this.scale, this.lat - (y - this.height / 2) / this.scale];
  }

  /// The point of a place, on the side of the map's middle.
  point(lon, lat) {
    let far = lon - this.lon;
    if (far > 180) far -= 360;
    if (far < -180) far += 360;
    return [this.width / 2 + far * this.scale, this.height / 2 - (lat - this.lat) * this.scale];
  }
}

export class WorldMap {
  /// `onpick(lon, lat)` when a place is chosen.
  constructor(canvas, { onpick }) {
    Object.assign(this, { canvas, onpick });
    this.view = new View(null);
    this.layers = {};
    this.marker = null;
    this.pending = 0;
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.listen();
  }

  /// Another area: the globe where there is none.
  reset(area = this.area) {
    this.area = area;
    this.view.reset(area);
    this.draw();
  }

  /// What is drawn: `{field, scale, lines, barbs: [u, v], coasts, tracks}`.
  show(layers) {
    this.layers = layers;
    this.draw();
  }

  zoom(by, x = this.view.width / 2, y = this.view.height / 2) {
    const { view } = this;
    const [lon, lat] = view.place(x, y);
    view.zoom = Math.min(Math.max(view.zoom * by, 1), 24);
    // The place under the pointer stays there.
    view.lon = lon - (x - view.width / 2) / view.scale;
    view.lat = lat + (y - view.height / 2) / view.scale;
    this.draw();
  }

  listen() {
    const { canvas, view } = this;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    let from = null;
    let moved = false;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = at(event);
      moved = false;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      const [x, y] = at(event);
      if (!moved && Math.hypot(x - from[0], y - from[1]) < 4) return;
      moved = true;
      view.lon -= (x - from[0]) / view.scale;
      view.lat += (y - from[1]) / view.scale;
      from = [x, y];
      this.draw();
    });
    canvas.addEventListener("pointerup", (event) => {
      if (from && !moved) this.pick(...view.place(...at(event)));
      from = null;
    });
    canvas.addEventListener("pointercancel", () => {
      from = null;
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1.25 : 0.8, ...at(event));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const { view } = this;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const way = ways[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (way && event.shiftKey) {
      view.lon += (way[0] * 60) / view.scale;
      view.lat += (way[1] * 60) / view.scale;
      this.draw();
    } else if (way) {
      const step = Math.max(1, Math.round(10 / view.scale));
      const [lon, lat] = this.marker ?? [Math.round(view.lon), Math.round(view.lat)];
      this.pick(lon + (this.marker ? way[0] * step : 0), lat + (this.marker ? way[1] * step : 0));
    } else if (event.key === "+" || event.key === "=") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else return;
    event.preventDefault();
  }

  pick(lon, lat) {
    const turned = ((((lon + 180) % 360) + 360) % 360) - 180;
    if (lat > 90.0001 || lat < -90.0001) return;
    const round = (value) => Math.round(value * 100) / 100;
    this.mark(round(turned), round(Math.min(Math.max(lat, -90), 90)));
    this.onpick(...this.marker);
  }

  mark(lon, lat) {
    this.marker = [lon, lat];
    this.draw();
  }

  /// Draws with the next frame, however often it is asked for before.
  draw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.paint();
    });
  }

  paint() {
    const { canvas, view, layers } = this;
    const width = canvas.parentElement.clientWidth;
    if (width === 0) return;
    view.size(width);
    view.clamp();
    const ratio = Math.min(devicePixelRatio || 1, 2);
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(view.height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(view.height * ratio);
      canvas.style.height = `${view.height}px`;
    }
    const c = canvas.getContext("2d");
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = getComputedStyle(canvas).getPropertyValue("--wash");
    c.fillRect(0, 0, canvas.width, canvas.height);
    if (layers.field) this.colours(c, layers.field, layers.scale);
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.lineJoin = "round";
    this.graticule(c);
    if (layers.coasts) this.coasts(c, layers.coasts);
    if (layers.lines) this.contours(c, layers.lines, layers.linesField);
    if (layers.barbs) this.wind(c, ...layers.barbs);
    if (layers.tracks) this.tracks(c, layers.tracks);
    if (this.marker) this.cross(c);
  }

  /// A pixel of the colours is up to two of the screen's: nobody sees more in a field.
  colours(c, field, scale) {
    const { view, canvas } = this;
    const [width, height] = [view.width, view.height];
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const shades = new Uint32Array(256);
    for (let i = 0; i < 256; i += 1) {
      const [r, g, b] = [scale.colours[i * 3], scale.colours[i * 3 + 1], scale.colours[i * 3 + 2]];
      shades[i] = (255 << 24) | (b << 16) | (g << 8) | r;
    }
    for (let y = 0; y < height; y += 1) {
      const lat = view.place(0, y + 0.5)[1];
      if (lat > 90 || lat < -90) continue;
      for (let x = 0; x < width; x += 1) {
        const value = field.at(view.place(x + 0.5, 0)[0], lat);
        if (value === value) pixels[y * width + x] = shades[scale.index(value)];
      }
    }
    const small = new OffscreenCanvas(width, height);
    small.getContext("2d").putImageData(image, 0, 0);
    c.drawImage(small, 0, 0, canvas.width, canvas.height);
  }

  graticule(c) {
    const { view } = this;
    const degrees = [30, 15, 10, 5, 2, 1].find((step) => step * view.scale < 170) ?? 1;
    c.strokeStyle = "#0003";
    c.lineWidth = 1;
    c.font = "10.5px system-ui, sans-serif";
    c.textBaseline = "bottom";
    const [west, north] = view.place(0, 0);
    const [east, south] = view.place(view.width, view.height);
    const label = (text, x, y) => {
      c.lineWidth = 3;
      c.strokeStyle = "#fffc";
      c.strokeText(text, x, y);
      c.fillStyle = "#1b2430";
      c.fillText(text, x, y);
      c.lineWidth = 1;
      c.strokeStyle = "#0003";
    };
    c.textAlign = "center";
    const verticals = [];
    for (let lon = Math.ceil(west / degrees) * degrees; lon <= east; lon += degrees) {
      const x = view.width / 2 + (lon - view.lon) * view.scale;
      c.beginPath();
      c.moveTo(x, 0);
      c.lineTo(x, view.height);
      c.stroke();
      verticals.push([lon, x]);
    }
    const rows = [];
    for (let lat = Math.ceil(Math.max(south, -90) / degrees) * degrees; lat <= Math.min(north, 90); lat += degrees) {
      const y = view.point(view.lon, lat)[1];
      c.beginPath();
      c.moveTo(0, y);
      c.lineTo(view.width, y);
      c.stroke();
      rows.push([lat, y]);
    }
    for (const [lon, x] of verticals) {
      const turned = ((((lon + 180) % 360) + 360) % 360) - 180;
      const text = turned === 0 || turned === -180 ? `${Math.abs(turned)}°` : `${Math.abs(turned)}°${turned < 0 ? "W" : "E"}`;
      const room = degrees * view.scale >= 44 || Math.round(lon / degrees) % 2 === 0;
      if (room && x > 40 && x < view.width - 20) label(text, x, view.height - 3);
    }
    c.textAlign = "left";
    for (const [lat, y] of rows) {
      const text = lat === 0 ? "0°" : `${Math.abs(lat)}°${lat < 0 ? "S" : "N"}`;
      if (y > 16 && y < view.height - 16) label(text, 4, y - 1);
    }
  }

  /// Lines of places; those that leave the map on one side come back on the other.
  path(c, line) {
    const { view } = this;
    let before = null;
    for (const [lon, lat] of line) {
      const [x, y] = view.point(lon, lat);
      if (before === null || Math.abs(x - before) > view.scale * 180) c.moveTo(x, y);
      else c.lineTo(x, y);
      before = x;
    }
  }

  coasts(c, lines) {
    c.beginPath();
    for (const line of lines) this.path(c, line);
    c.strokeStyle = "#fff9";
    c.lineWidth = 2.2;
    c.stroke();
    c.strokeStyle = "#22303c";
    c.lineWidth = 0.9;
    c.stroke();
  }

  contours(c, levels, field) {
    const { view } = this;
    const { north, west, row_step: dy, column_step: dx } = field.head;
    const spot = (x, y) => view.point(west + x * dx, north - y * dy);
    const labels = [];
    c.strokeStyle = "#14181df0";
    for (const { level, segments } of levels) {
      c.lineWidth = Math.round(level / 4) % 5 === 0 ? 1.6 : 1;
      c.beginPath();
      let count = 0;
      for (const [x0, y0, x1, y1] of segments) {
        const [ax, ay] = spot(x0, y0);
        const [bx, by] = spot(x1, y1);
        // A segment across the map's edge.
        if (Math.abs(ax - bx) > view.scale * 90) continue;
        c.moveTo(ax, ay);
        c.lineTo(bx, by);
        count += 1;
        const inside = ax > 30 && ax < view.width - 30 && ay > 14 && ay < view.height - 22;
        if (inside && count % 9 === 0) labels.push([level, (ax + bx) / 2, (ay + by) / 2, Math.atan2(by - ay, bx - ax)]);
      }
      c.stroke();
    }
    c.font = "11px system-ui, sans-serif";
    c.textAlign = "center";
    c.textBaseline = "middle";
    const put = [];
    for (const [level, x, y, angle] of labels) {
      const near = put.some(([other, px, py]) => Math.hypot(px - x, py - y) < (other === level ? 260 : 46));
      if (near) continue;
      put.push([level, x, y]);
      c.save();
      c.translate(x, y);
      c.rotate(Math.abs(angle) > Math.PI / 2 ? angle + Math.PI : angle);
      c.lineWidth = 3.5;
      c.strokeStyle = "#fffd";
      const text = String(Math.round(level * 100) / 100);
      c.strokeText(text, 0, 0);
      c.fillStyle = "#14181d";
      c.fillText(text, 0, 0);
      c.restore();
    }
  }

  wind(c, u, v) {
    const { view } = this;
    const apart = 38;
    c.lineWidth = 1.1;
    c.strokeStyle = "#101820";
    c.fillStyle = "#101820";
    for (let y = apart / 2; y < view.height; y += apart) {
      for (let x = apart / 2; x < view.width; x += apart) {
        const [lon, lat] = view.place(x, y);
        if (Math.abs(lat) > 88) continue;
        barb(c, x, y, u.at(lon, lat), v.at(lon, lat), lat < 0, 22);
      }
    }
  }

  tracks(c, collection) {
    const { view } = this;
    const lines = collection.features.filter(({ geometry }) => geometry.type.endsWith("LineString"));
    const points = collection.features.filter(({ geometry }) => geometry.type === "Point");
    for (const [colour, width] of [["#fff", 4.5], ["#c2185b", 2.4]]) {
      c.strokeStyle = colour;
      c.lineWidth = width;
      c.beginPath();
      for (const { geometry } of lines) for (const line of geometry.coordinates) this.path(c, line);
      c.stroke();
    }
    for (const { geometry, properties } of points) {
      const [x, y] = view.point(...geometry.coordinates);
      const now = Math.abs((properties.lead_hours ?? -1) - (this.layers.lead ?? -2)) < 0.01;
      c.beginPath();
      c.arc(x, y, now ? 6 : 2.6, 0, 2 * Math.PI);
      c.fillStyle = now ? "#ffd54f" : "#c2185b";
      c.fill();
      c.lineWidth = 1.4;
      c.strokeStyle = now ? "#7b0f3c" : "#fff";
      c.stroke();
      if (!now) continue;
      const text = properties.pressure_hpa ? `${properties.id} ${Math.round(properties.pressure_hpa)}` : properties.id;
      c.font = "600 11.5px system-ui, sans-serif";
      c.textAlign = "left";
      c.textBaseline = "middle";
      c.lineWidth = 3.5;
      c.strokeStyle = "#fffd";
      c.strokeText(text, x + 9, y - 11);
      c.fillStyle = "#5f0d30";
      c.fillText(text, x + 9, y - 11);
    }
  }

  cross(c) {
    const [x, y] = this.view.point(...this.marker);
    for (const [colour, width] of [["#fff", 5], ["#b3202c", 2.2]]) {
      c.strokeStyle = colour;
      c.lineWidth = width;
      c.beginPath();
      c.arc(x, y, 7, 0, 2 * Math.PI);
      c.moveTo(x - 12, y);
      c.lineTo(x - 4, y);
      c.moveTo(x + 4, y);
      c.lineTo(x + 12, y);
      c.moveTo(x, y - 12);
      c.lineTo(x, y - 4);
      c.moveTo(x, y + 4);
      c.lineTo(x, y + 12);
      c.stroke();
    }
  }
}
