// Drawings of molecules as blobs.

import { onKey, request } from "./api.js";

// They are fetched rather than named in `src` for two reasons: an <img> cannot send a
// key, and a table that is scrolled through must not ask the server for hundreds at once.

const KEEP = 400;
const AT_ONCE = 4;
const drawings = new Map();
const waiting = [];
let running = 0;

onKey(() => {
  for (const drawing of drawings.values()) drawing.then(URL.revokeObjectURL, () => {});
  drawings.clear();
});

function next() {
  while (running < AT_ONCE && waiting.length > 0) {
    const job = waiting.shift();
    if (job.signal?.aborted) {
      job.reject(new DOMException("stopped", "AbortError"));
      continue;
    }
    running += 1;
    fetchDrawing(job)
      .then(job.resolve, job.reject)
      .finally(() => {
        running -= 1;
        next();
      });
  }
}

async function fetchDrawing({ path, signal }) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return URL.createObjectURL(await (await request(path, { signal })).blob());
    } catch (error) {
      // A rate limit is no reason to show no structure.
      if (!error.retryAfter || attempt >= 2) throw error;
      await new Promise((resolve) => setTimeout(resolve, error.retryAfter * 1000));
    }
  }
}

/// The address of a molecule's drawing: with its alerts marked, or these atoms (`"1 4 5"`, may be empty).
export function drawing(smiles, signal, atoms = null) {
  const marked = atoms === null ? "alerts=true" : `atoms=${encodeURIComponent(atoms)}`;
  const path = `/v1/depict?smiles=${encodeURIComponent(smiles)}&${marked}`;
  let found = drawings.get(path);
  if (found) {
    drawings.delete(path); // asked for again: put at the end, so that it is the last to go
  } else {
    found = new Promise((resolve, reject) => {
      waiting.push({ path, signal, resolve, reject });
      next();
    });
    found.catch(() => drawings.delete(path));
  }
  drawings.set(path, found);
  if (drawings.size > KEEP) {
    const [oldest, url] = drawings.entries().next().value;
    drawings.delete(oldest);
    url.then(URL.revokeObjectURL, () => {});
  }
  return found;
}
