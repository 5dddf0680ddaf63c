// Talking to the server: the key, problems, uploads.

const KEY = "strata.key";

/// Why a request has no answer: RFC 9457 problem details of the server, or a reason of our own
/// (`key`: an entry of words.js).
export class Problem extends Error {
  constructor(fields) {
    super(fields.detail ?? fields.key ?? "");
    Object.assign(this, fields);
  }
}

const hearers = [];
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
  for (const hear of hearers) hear();
}

/// Hears of every new key: what another key has brought may not be this one's to see.
export function onKey(hear) {
  hearers.push(hear);
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
  // 304 answers a question that names what is known already.
  if (response.ok || response.status === 304) return response;
  throw problemOf(response.status, await response.text(), response.headers.get("x-request-id"));
}

/// A request; a missing or wrong key is asked for once. A `Blob` goes as it is, anything else as JSON.
export async function request(path, { method = "GET", body, signal, headers = {} } = {}) {
  const options = { method, signal, headers };
  if (body instanceof Blob) {
    options.body = body;
    options.headers = { ...headers, "content-type": body.type || "application/octet-stream" };
  } else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { ...headers, "content-type": "application/json" };
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
