// @ts-check
/**
 * The service worker: the pages open without a network, from what was last seen of them. It keeps no answer about reports.
 * Pages and their files are kept, and given to a page, of one version only: those of two do not fit one another.
 */

const CITY = "sigap-city-1";
/** What a cache of pages and their files is called, before their version. */
const PAGES = "sigap-pages-";
const LIST = "/assets/files.json";
/** Under which the name of the cache is kept that has all files of its version. */
const WHOLE = "/whole";
/** What shows a report, whichever: the page of each is the same. */
const FOLLOW = "/assets/follow.html";
const FILES = /^\/assets\//;
const KEPT = /^\/(public\/v1\/(city|areas)|streets\/info)$/;
const self_ = /** @type {any} */ (self);
/** The header with which the server marks every answer of its own. */
const MARK = "Sigap-Server";
/** The header that names the version of a page or of its file. */
const VERSION = "Sigap-Pages";
/** So long the network is waited for where something was kept. */
const PATIENCE_MS = 3_000;
/** So long after that it is not waited for again. */
const SILENT_MS = 30_000;

let silent_until = 0;
/** @type {Promise<void> | null} */
let renewing = null;
/** The cache that each open page is given its files from, null where they come from the server. @type {Map<string, string | null>} */
const given = new Map();

self_.addEventListener("install", (/** @type {any} */ event) => {
  self_.skipWaiting();
  event.waitUntil(bring()); // where that fails the worker before this one, with what it kept, stays
});
self_.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(self_.clients.claim()));
self_.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self_.location.origin) return;
  if (request.mode === "navigate" && !url.searchParams.has("plain")) event.respondWith(page(event, url.pathname.startsWith("/r/") ? FOLLOW : url.pathname));
  else if (FILES.test(url.pathname)) event.respondWith(file(event, url.pathname));
  else if (KEPT.test(url.pathname)) event.respondWith(newest(event, url.pathname));
});

/**
 * A page of the newest version of which all files are here in time, else of the one that was kept whole.
 * @param {any} event @param {string} path
 */
async function page(event, path) {
  const renewed = renew();
  event.waitUntil(renewed); // what comes late is kept for the next time
  if ((await whole()) !== null) await Promise.race([renewed, patience()]);
  const name = await whole();
  const kept = name === null ? undefined : await (await caches.open(name)).match(path);
  const answer = kept ?? (await fetch(event.request));
  given.set(event.resultingClientId, answer.headers.get(VERSION) === name?.slice(PAGES.length) ? name : null);
  return answer;
}

/** A file for a page, of that page's version. @param {any} event @param {string} path */
async function file(event, path) {
  const name = given.has(event.clientId) ? given.get(event.clientId) : await whole();
  const kept = name && (await (await caches.open(name)).match(path));
  return kept || fetch(event.request);
}

/** The name of the cache that has all files of its version; null while none has. @returns {Promise<string | null>} */
async function whole() {
  return (await (await (await caches.open(CITY)).match(WHOLE))?.text()) ?? null;
}

/** Bring the pages and their files of the version that the server has now; what was kept stays until all are there. */
function renew() {
  renewing ??= bring()
    .catch(() => {}) // without a network, or amid a change at the server: the next page tries again
    .finally(() => {
      renewing = null;
    });
  return renewing;
}

async function bring() {
  const listed = await fetch(LIST);
  if (!listed.ok || !listed.headers.has(MARK)) return;
  silent_until = 0;
  const { version, files, facts } = await listed.json();
  await Promise.all(facts.map(keep));
  const name = `${PAGES}${version}`, before = await whole();
  if (name === before) return;
  const cache = await caches.open(name);
  await Promise.all(files.map(async (/** @type {string} */ path) => {
    if (await cache.match(path)) return;
    const answer = await fetch(path);
    if (!answer.ok || answer.headers.get(VERSION) !== version) throw new Error(path);
    await cache.put(path, answer);
  }));
  await (await caches.open(CITY)).put(WHOLE, new Response(name));
  const wanted = [CITY, name, before]; // of the one before a page may be loading still
  await Promise.all((await caches.keys()).filter((one) => !wanted.includes(one)).map((one) => caches.delete(one)));
}

/** Keep what the pages ask first, once: later they ask for themselves. @param {string} path */
async function keep(path) {
  const cache = await caches.open(CITY);
  if (!(await cache.match(path))) await fromServer(new Request(path), cache, path).catch(() => {}); // the page does without
}

/**
 * From the server, else what was kept: also where the network is silent, or something on the way answers in its place.
 * @param {any} event @param {string} key
 */
async function newest(event, key) {
  const cache = await caches.open(CITY);
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
