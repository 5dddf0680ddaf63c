// Talking to the server: the key, problems, uploads, and drawings as blobs.

const KEY = "strata.key";

/// Why a request has no answer: RFC 9457 problem details of the server, or a reason of our own
/// (`key`: an entry of words.js).
export class Problem extends Error {
  constructor(fields) {
    super(fields.detail ?? fields.key ?? "");
    Object.assign(this, fields);
  }
}

let memory = "";
let asking = null;
let askForKey = () => Promise.resolve(false);

/// The key, in this tab only.
export function key() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return memory; // storage is switched off
  }
}

export function setKey(value) {
  memory = value;
  try {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Kept in memory only.
  }
  for (const drawing of drawings.values()) drawing.then(URL.revokeObjectURL, () => {});
  drawings.clear();
}

/// Who asks the user for a key: `ask(problem)` resolves to whether there is a new one.
export function onUnauthorised(ask) {
  askForKey = ask;
}

/// Many requests may be refused at once; the user is asked once.
function askOnce(problem) {
  asking ??= askForKey(problem).finally(() => {
    asking = null;
  });
  return asking;
}

function authorised(headers = {}) {
  const value = key();
  return value ? { ...headers, authorization: `Bearer ${value}` } : headers;
}

/// A reply's text as a problem.
function problemOf(status, text, requestId) {
  let said = {};
  try {
    said = JSON.parse(text) ?? {};
  } catch {
    // No JSON: a proxy in between, say.
  }
  const fields = {
    status,
    code: said.code,
    remedy: said.remedy,
    errors: said.errors ?? [],
    retryAfter: said.retry_after_s,
    request: status >= 500 ? requestId : undefined,
  };
  if (said.detail) return new Problem({ ...fields, detail: said.detail });
  return new Problem({ ...fields, key: "problem.status", vars: { status } });
}

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: authorised(options.headers), cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ key: "problem.unreachable" });
  }
  if (response.ok) return response;
  throw problemOf(response.status, await response.text(), response.headers.get("x-request-id"));
}

/// A request; a missing or wrong key is asked for once.
export async function request(path, { method = "GET", body, signal } = {}) {
  const options = { method, signal };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "content-type": "application/json" };
  }
  const sent = key();
  try {
    return await send(path, options);
  } catch (error) {
    if (error.status !== 401) throw error;
    // Another request may have brought a new key in the meantime.
    if (key() === sent && !(await askOnce(error))) throw error;
    return send(path, options);
  }
}

export const getJson = async (path, signal) => (await request(path, { signal })).json();
export const postJson = async (path, body, signal) =>
  (await request(path, { method: "POST", body, signal })).json();

/// Sends a file; `told(sent, total)` hears how far it is. XMLHttpRequest, since fetch does not say.
export function upload(path, file, told, signal) {
  const once = () =>
    new Promise((resolve, reject) => {
      const xhr = new XMLHttpRequest();
      xhr.open("POST", path);
      xhr.setRequestHeader("content-type", "application/octet-stream");
      for (const [name, value] of Object.entries(authorised())) xhr.setRequestHeader(name, value);
      xhr.upload.onprogress = (event) => told(event.loaded, event.total);
      xhr.onload = () => {
        if (xhr.status >= 200 && xhr.status < 300) resolve(JSON.parse(xhr.responseText));
        else reject(problemOf(xhr.status, xhr.responseText, xhr.getResponseHeader("x-request-id")));
      };
      xhr.onerror = () => reject(new Problem({ key: "problem.unreachable" }));
      xhr.onabort = () => reject(new DOMException("stopped", "AbortError"));
      signal?.addEventListener("abort", () => xhr.abort(), { once: true });
      xhr.send(file);
    });
  return once().catch(async (error) => {
    if (error.status !== 401 || !(await askOnce(error))) throw error;
    return once();
  });
}

// Drawings. They are fetched rather than named in `src` for two reasons: an <img> cannot send a
// key, and a table that is scrolled through must not ask the server for hundreds at once.

const KEEP = 400;
const AT_ONCE = 4;
const drawings = new Map();
const waiting = [];
let running = 0;

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

/// The address of a molecule's drawing with its alerts marked.
export function drawing(smiles, signal) {
  const path = `/v1/depict?smiles=${encodeURIComponent(smiles)}&alerts=true`;
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
