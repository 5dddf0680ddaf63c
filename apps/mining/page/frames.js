// The newest pictures of cameras, asked for again and again. Not as films: a browser keeps six
// connections to a server, which six films would fill, and an <img> cannot send a key.

import { request } from "./api.js";

/// Shows the newest picture of a camera in an image until it is stopped. `every` is the pause between
/// two questions in ms; `onsize(width, height)` hears of the picture's size when it changes.
export class Frames {
  constructor(image, camera, { every = 500, onsize } = {}) {
    Object.assign(this, { image, path: `/v1/cameras/${encodeURIComponent(camera)}/frame`, every, onsize });
    this.tag = "";
    this.url = "";
    this.size = "";
    this.timer = 0;
    this.asking = null;
  }

  start() {
    if (this.asking) return;
    this.asking = new AbortController();
    this.ask(this.asking.signal);
  }

  stop() {
    this.asking?.abort();
    this.asking = null;
    clearTimeout(this.timer);
  }

  /// Stops for good.
  end() {
    this.stop();
    this.image.removeAttribute("src");
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = "";
  }

  async ask(signal) {
    let pause = this.every;
    try {
      const headers = this.tag ? { "if-none-match": this.tag } : {};
      const reply = await request(this.path, { headers, signal });
      if (reply.status !== 304) {
        this.tag = reply.headers.get("etag") ?? "";
        await this.show(await reply.blob());
      }
    } catch (error) {
      if (signal.aborted) return;
      // No picture yet, too many questions, or the server is gone: the state beside it says so.
      pause = Math.max(pause, (error.retryAfter ?? 2) * 1000);
    }
    if (!signal.aborted) this.timer = setTimeout(() => this.ask(signal), pause);
  }

  async show(blob) {
    const url = URL.createObjectURL(blob);
    const before = this.url;
    this.url = url;
    this.image.src = url;
    try {
      await this.image.decode();
    } catch {
      return; // replaced by another already
    } finally {
      if (before) URL.revokeObjectURL(before);
    }
    this.image.hidden = false;
    const { naturalWidth: width, naturalHeight: height } = this.image;
    if (this.size === `${width}x${height}`) return;
    this.size = `${width}x${height}`;
    this.onsize?.(width, height);
  }
}
