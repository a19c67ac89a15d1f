// @ts-check
/** The service worker: the pages open without a network, from what was last seen of them. It keeps no answer about reports. */

const NAME = "sigap-pages-1";
const PAGES = /^\/(map|crew)?$/;
const KEPT = /^\/(assets\/.*|public\/v1\/(city|areas))$/;
const self_ = /** @type {any} */ (self);

self_.addEventListener("install", () => self_.skipWaiting());
self_.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(self_.clients.claim()));
self_.addEventListener("fetch", (/** @type {any} */ event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self_.location.origin) return;
  if (PAGES.test(url.pathname) || KEPT.test(url.pathname)) event.respondWith(newest(event.request, url.pathname));
});

/** From the network, else what was kept. @param {Request} request @param {string} key */
async function newest(request, key) {
  const cache = await caches.open(NAME);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(key, answer.clone());
    return answer;
  } catch (fault) {
    const kept = await cache.match(key);
    if (kept) return kept;
    throw fault;
  }
}
