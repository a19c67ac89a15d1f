// @ts-check
/** Ask the server: with a time limit, and with one kind of error for "no network", which is worth another try. */

const LIMIT_MS = 20_000;
/** The header with which the server marks every answer of its own. */
const MARK = "Sigap-Server";

let ahead_ms = 0;

/** The server's time, as far as its last answer told it. @returns {Date} */
export function serverNow() {
  return new Date(Date.now() + ahead_ms);
}

/** The server cannot be reached now, or asks to wait: the same request may be sent again. */
export class Later extends Error {}

/** The server was reached, and has too much to do to take it now. */
export class Busy extends Later {}

/** Something on the way answered in the server's place (a proxy, the page of a network): the server was not asked. */
export class NotTheServer extends Later {}

/** The server says no; `message` is its sentence. */
export class Refused extends Error {
  /** @param {number} status @param {string} word @param {string} message @param {any} body */
  constructor(status, word, message, body) {
    super(message);
    this.status = status;
    this.word = word;
    this.body = body;
  }
}

/** @param {Headers} headers */
function hearTime(headers) {
  const date = Date.parse(headers.get("Date") ?? "");
  if (!Number.isNaN(date)) ahead_ms = date - Date.now();
}

/**
 * The answer's body (null when there is none). Throws Later or Refused. What does not bear the server's mark is none of
 * its answers, whatever it says. `heard` is given the headers of the answer; `ends` gives the question up.
 * @param {string} path
 * @param {{method?: string, headers?: Record<string, string>, json?: any, body?: Blob, limit_ms?: number, as?: "json" | "blob", heard?: (headers: Headers) => void, ends?: AbortSignal}} [given]
 */
export async function ask(path, given = {}) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), given.limit_ms ?? LIMIT_MS);
  given.ends?.addEventListener("abort", () => stop.abort());
  const headers = { ...given.headers };
  if (given.json !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method: given.method ?? "GET",
      headers,
      body: given.json !== undefined ? JSON.stringify(given.json) : (given.body ?? null),
      signal: stop.signal,
      credentials: "same-origin",
    });
    if (!answer.headers.has(MARK)) throw new NotTheServer(String(answer.status));
    hearTime(answer.headers);
    given.heard?.(answer.headers);
    if (answer.ok) {
      if (given.as === "blob") return await answer.blob();
      return answer.status === 204 ? null : await answer.json();
    }
  } catch (fault) {
    throw fault instanceof Later ? fault : new Later("network");
  } finally {
    clearTimeout(timer);
  }
  throw refusal(answer.status, await answer.json().catch(() => ({})));
}

/** What an answer means that is not the one asked for. @param {number} status @param {any} body */
function refusal(status, body) {
  const message = body.message ?? String(status);
  if ([429, 503].includes(status)) return new Busy(message);
  if ([408, 409, 425].includes(status) || status >= 500) return new Later(message);
  return new Refused(status, body.error ?? "", message, body);
}
