// Server-sent events over `fetch`: the browser's own EventSource cannot send a key.

import { request } from "./api.js";

/// Follows a stream of events until it is stopped; where it breaks, it goes on behind the last event.
/// `onevent(name, data)` gets each event, `onstate(open)` hears whether the line is up.
export class EventStream {
  constructor(path, { onevent, onstate }) {
    Object.assign(this, { path, onevent, onstate });
    this.last = "";
    this.pause = 2000;
    this.stopped = null;
    this.failures = 0;
  }

  start() {
    if (this.stopped) return;
    this.stopped = new AbortController();
    this.follow(this.stopped.signal);
  }

  stop() {
    this.stopped?.abort();
    this.stopped = null;
  }

  async follow(signal) {
    while (!signal.aborted) {
      try {
        const headers = { accept: "text/event-stream" };
        if (this.last) headers["last-event-id"] = this.last;
        const reply = await request(this.path, { headers, signal });
        this.failures = 0;
        this.onstate(true);
        await this.read(reply.body.getReader());
      } catch (error) {
        if (signal.aborted) return;
        this.failures += 1;
        // A key that does not do will not do in a moment either.
        if (error.status === 401 || error.status === 403) {
          this.onstate(false, error);
          return;
        }
      }
      if (signal.aborted) return;
      this.onstate(false);
      await new Promise((resolve) => setTimeout(resolve, this.pause * Math.min(2 ** this.failures, 8)));
    }
  }

  async read(reader) {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) this.block(block);
    }
  }

  /// One event: fields in lines (WHATWG HTML, "Server-sent events").
  block(block) {
    let name = "message";
    const data = [];
    for (const line of block.split("\n")) {
      const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
      if (field === "event") name = value;
      else if (field === "id") this.last = value;
      else if (field === "data") data.push(value);
      else if (field === "retry" && /^\d+$/.test(value)) this.pause = Number(value);
    }
    if (data.length > 0) this.onevent(name, JSON.parse(data.join("\n")));
  }
}
