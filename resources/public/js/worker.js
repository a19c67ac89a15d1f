// @ts-check
/** The service worker: the pages open without a network, from what was last seen of them. It keeps no answer about reports. */

const NAME = "sigap-pages-1";
const PAGES = /^\/(map|crew)?$/;
const KEPT = /^\/(assets\/.*|public\/v1\/(city|areas))$/;
const self_ = /** @type {any} */ (self);
/** The header with which the server marks every answer of its own. */
const MARK = "Sigap-Server";
/** So long the network is waited for where something was kept. */
const PATIENCE_MS = 3_000;
/** So long after that it is not waited for again: a page is many files. */
const SILENT_MS = 30_000;

let silent_until = 0;

self_.addEventListener("install", () => self_.skipWaiting());
self_.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(self_.clients.claim()));
self_.addEventListener("fetch", (/** @type {any} */ event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self_.location.origin) return;
  if (PAGES.test(url.pathname) || KEPT.test(url.pathname)) event.respondWith(newest(event, url.pathname));
});

/**
 * From the server, else what was kept: also where the network is silent, or something on the way answers in its place.
 * @param {any} event @param {string} key
 */
async function newest(event, key) {
  const cache = await caches.open(NAME);
  const kept = await cache.match(key);
  const asked = fromServer(event.request, cache, key);
  if (!kept) return asked;
  const own = asked.then((answer) => (answer.headers.has(MARK) ? answer : kept), () => kept);
  event.waitUntil(own); // what comes late is kept for the next time
  return Promise.race([own, patience().then(() => kept)]);
}

/** @param {Request} request @param {Cache} cache @param {string} key */
async function fromServer(request, cache, key) {
  const answer = await fetch(request);
  if (!answer.headers.has(MARK)) return answer;
  silent_until = 0;
  if (answer.ok) await cache.put(key, answer.clone());
  return answer;
}

/** Resolves when the network has had its time. */
async function patience() {
  if (Date.now() < silent_until) return;
  await new Promise((resolve) => void setTimeout(resolve, PATIENCE_MS));
  silent_until = Date.now() + SILENT_MS;
}
