// @ts-check
/**
 * Sends finished reports until the server has numbered them and holds their photos. A report and each photo bear the
 * same key at every try, so nothing is made twice; one that the server refuses stays here with the reason.
 */

import { all, drop, put } from "./keep.js";
import { Busy, Later, NotTheServer, Refused, ask } from "./net.js";

/**
 * @typedef {{key: string, service: string, serviceName: string, description: string, address: string,
 *   lat: number | null, lon: number | null, within_m?: number, name: string, phone: string, email: string,
 *   attributes: Record<string, string | string[]>, photos: {blob: Blob, sent: boolean, refused?: boolean}[],
 *   number: string | null, made: string, problem?: string, busy?: boolean}} Waiting
 */

const PHOTO_LIMIT_MS = 120_000;

/** @type {Promise<void> | null} */
let running = null;

/** Try everything that waits, one after the other. @param {(one: Waiting) => void} changed */
export function sendAll(changed) {
  running ??= locked(() => pass(changed)).finally(() => {
    running = null;
  });
  return running;
}

/** What has not wholly arrived. @returns {Promise<Waiting[]>} */
export async function waiting() {
  return (await all("outbox")).sort((one, other) => one.made.localeCompare(other.made));
}

/** Only one tab sends. @param {() => Promise<void>} work */
async function locked(work) {
  if (!navigator.locks) return work();
  return navigator.locks.request("sigap-outbox", work);
}

/** @param {(one: Waiting) => void} changed */
async function pass(changed) {
  const tried = new Set();
  for (;;) {
    const left = (await waiting()).filter((each) => !each.problem && !tried.has(each.key));
    const one = left.find((each) => each.number === null) ?? left[0]; // no report waits behind another's photos
    if (!one) return;
    tried.add(one.key);
    try {
      await send(one, changed);
    } catch (fault) {
      if (fault instanceof NotTheServer) continue; // it may let another one through: a photo is too much for some
      if (fault instanceof Later) return void (await note(one, fault instanceof Busy, changed));
      if (!(fault instanceof Refused)) throw fault;
      one.problem = fault.message;
      await put("outbox", one);
      changed(one);
    }
  }
}

/** Whether it waits for a server that has too much to do, and not for the network. @param {Waiting} one @param {boolean} busy @param {(one: Waiting) => void} changed */
async function note(one, busy, changed) {
  if ((one.busy ?? false) === busy) return;
  one.busy = busy;
  await put("outbox", one);
  changed(one);
}

/** @param {Waiting} one @param {(one: Waiting) => void} changed */
async function send(one, changed) {
  if (one.number === null) await take(one, changed);
  for (let at = 0; at < one.photos.length; at += 1) {
    const photo = one.photos[at];
    if (!photo || photo.sent || photo.refused) continue;
    const path = `/public/v1/reports/${encodeURIComponent(one.number ?? "")}/photos/${at + 1}`;
    try {
      await ask(path, { method: "PUT", body: photo.blob, headers: { "Idempotency-Key": one.key }, limit_ms: PHOTO_LIMIT_MS });
      photo.sent = true;
    } catch (fault) {
      if (!(fault instanceof Refused)) throw fault;
      if (fault.status === 404 && (await take(one, changed))) {
        at = -1; // it has another number there, and none of its photos
        continue;
      }
      photo.refused = true; // a photo that is refused does not hold up the others
    }
    await put("outbox", one);
    changed(one);
  }
  await drop("outbox", one.key);
  changed(one);
}

/**
 * Have the report numbered; whether it got another number than it had. A server that was set back to an older state has
 * lost what it had numbered, and takes it again by its key; what it has it numbers as before.
 * @param {Waiting} one @param {(one: Waiting) => void} changed
 */
async function take(one, changed) {
  const { key, service, description, address, lat, lon, within_m = 0, name, phone, email } = one; // one of an earlier page says no more
  const attributes = Object.fromEntries(Object.entries(one.attributes).map(([code, value]) => [code, [value].flat()]));
  const body = { key, service, description, address, lat, lon, within_m, name, phone, email, attributes };
  const before = one.number;
  const number = String((await ask("/public/v1/reports", { method: "POST", json: body })).number);
  if (number === before) return false;
  one.number = number;
  for (const photo of one.photos) photo.sent = false;
  await put("outbox", one);
  await put("mine", { key: number, secret: one.key, serviceName: one.serviceName, made: one.made });
  if (before !== null) await drop("mine", before);
  changed(one);
  return true;
}
