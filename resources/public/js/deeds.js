// @ts-check
/**
 * What the crew did, kept on this phone and sent in order until the server has it. Saved: on this phone. Sent: it has
 * left the phone, the answer is not there yet. Received: the server answered with its own record of it.
 */

import { newKey } from "./dom.js";
import { all, drop, put, recall, remember } from "./keep.js";
import { Later, NotTheServer, Refused, ask, serverNow } from "./net.js";

const DEVICE = "sigap.device";
const LATE_MS = 60_000;
const KEPT_MS = 24 * 3_600_000;
const PHOTO_LIMIT_MS = 120_000;
/** Kinds that are about messages, and no report nor the unit. */
export const OF_MESSAGES = ["message", "read"];

/**
 * @typedef {{key: string, order: number, unit: string, report: string | null, job?: string | null, kind: string, data: Record<string, any>,
 *   version: number | null, occurred_at: string, late: boolean | null, received?: number, device?: string, blob: Blob | null,
 *   state: "saved" | "sent" | "received" | "refused", problem: string}} Deed
 */

/** The last moment, in ms. */
let last = 0;

/** Now, in ms, later than every moment before: the clock of a phone may be set back, by a day too. @returns {number} */
export function moment() {
  return (last = Math.max(Date.now(), last + 1));
}

/** Every moment from now on is later than one of an earlier page. @param {number} kept */
export function laterThan(kept) {
  last = Math.max(last, kept);
}

export class Deeds {
  /** @param {string} unit @param {() => Record<string, string>} headers @param {() => void} changed @param {() => void} strange the token is not known (any more) */
  constructor(unit, headers, changed, strange) {
    this._unit = unit;
    this._headers = headers;
    this._changed = changed;
    this._strange = strange;
    /** @type {Promise<void> | null} */
    this._running = null;
    this._ended = false;
    /** Whether the last photo did not get through: words go before photos then. */
    this._thin = false;
    /** @type {Deed[]} */
    this.list = [];
  }

  /** Read what this phone still holds for this unit; what was received long ago goes. */
  async load() {
    const found = (await all("deeds")).filter((one) => one.unit === this._unit);
    const old = found.filter((one) => one.state === "received" && Date.now() - Date.parse(one.occurred_at) > KEPT_MS);
    await Promise.all(old.map((one) => drop("deeds", one.key)));
    for (const one of found) laterThan(one.received ?? 0);
    this.list = found.filter((one) => !old.includes(one)).sort((one, other) => one.order - other.order);
  }

  /**
   * What jobs that were asked for at this moment need not show yet: what waits, and what was received since.
   * @param {number} asked @returns {Deed[]}
   */
  ahead(asked) {
    return this.list.filter((one) => one.state !== "refused" && (one.state !== "received" || (one.received ?? -1) >= asked));
  }

  /** Not yet received. */
  get waiting() {
    return this.list.filter((one) => one.state === "saved" || one.state === "sent");
  }

  /**
   * Keep a deed, then send what waits. Throws when this phone cannot keep it.
   * @param {string | null} report @param {string} kind @param {Record<string, any>} data @param {number | null} version @param {Blob | null} [blob]
   * @param {string | null} [job] the assignment whose progress it is
   */
  async add(report, kind, data, version, blob = null, job = null) {
    const order = Math.max(Date.now(), (this.list.at(-1)?.order ?? 0) + 1);
    const key = `${order}-${Array.from(crypto.getRandomValues(new Uint8Array(8)), (one) => one.toString(16).padStart(2, "0")).join("")}`;
    /** @type {Deed} */
    const deed = { key, order, unit: this._unit, report, job, kind, data, version, occurred_at: serverNow().toISOString(), late: null, device: device(), blob, state: "saved", problem: "" };
    await put("deeds", deed);
    this.list.push(deed);
    this._changed();
    this.send();
  }

  /** Take a refused deed from the list. @param {Deed} deed */
  async remove(deed) {
    await drop("deeds", deed.key);
    this.list = this.list.filter((one) => one !== deed);
    this._changed();
  }

  /** Send a refused deed once more, with its time and its photo: the rights that were missing may be there. @param {Deed} deed */
  async again(deed) {
    deed.state = "saved";
    deed.problem = "";
    await put("deeds", deed);
    this._changed();
    this.send();
  }

  /** Send what waits, in order; a deed that is refused for good holds up no other. @returns {Promise<void>} */
  send() {
    this._running ??= this._alone().finally(() => {
      this._running = null;
    });
    return this._running;
  }

  /** Signed out: what is under way ends, and nothing else leaves. */
  end() {
    this._ended = true;
  }

  /** Only one tab sends. */
  async _alone() {
    if (!navigator.locks) return this._pass();
    return navigator.locks.request("sigap-deeds", () => this._pass());
  }

  async _pass() {
    /** @type {Set<Deed>} */
    const held = new Set();
    const next = () => {
      const left = this.waiting.filter((one) => !held.has(one));
      return (this._thin && left.find((one) => !one.blob)) || left[0];
    };
    for (let deed = next(); deed && navigator.onLine && !this._ended; deed = next()) {
      const photo = deed.blob !== null;
      try {
        await this._post(deed);
        if (photo) this._thin = false;
        deed.state = "received";
        deed.received = moment();
        deed.blob = null;
      } catch (fault) {
        if (fault instanceof Later && photo) {
          // It is too much for something on the way, or for this network, which takes no other then: no word waits behind it.
          this._thin ||= !(fault instanceof NotTheServer);
          for (const one of fault instanceof NotTheServer ? [deed] : this.waiting.filter((each) => each.blob)) held.add(one);
          continue;
        }
        if (fault instanceof Later) return;
        if (!(fault instanceof Refused)) throw fault;
        if (fault.status === 401) return this._strange();
        deed.state = "refused";
        deed.problem = `${fault.status}|${fault.message}`;
      }
      await put("deeds", deed);
      this._changed();
    }
  }

  /** @param {Deed} deed */
  async _post(deed) {
    deed.late ??= serverNow().getTime() - Date.parse(deed.occurred_at) > LATE_MS; // said once: a repeated request is the same
    deed.state = "sent";
    await put("deeds", deed);
    this._changed();
    if (deed.blob) {
      await ask(`/dispatch/v1/media/${deed.data.sha256}`, { method: "PUT", body: deed.blob, headers: this._headers(), limit_ms: PHOTO_LIMIT_MS });
    }
    const path = OF_MESSAGES.includes(deed.kind) ? "/dispatch/v1/messages/edits" : deed.report === null ? `/dispatch/v1/units/${encodeURIComponent(deed.unit)}/edits` : `/dispatch/v1/reports/${encodeURIComponent(deed.report)}/edits`;
    /** @type {Record<string, string>} */
    const headers = { ...this._headers(), "Idempotency-Key": deed.key };
    if (deed.version !== null) headers["If-Match"] = `"${deed.version}"`;
    const { key: id, kind, data, occurred_at, late, device: from = "crew page" } = deed; // one of an earlier page says no more
    await ask(path, { method: "POST", headers, json: { id, kind, data, occurred_at, late, device: from } });
  }
}

/** The name of this phone, by which the server tells two phones of one crew apart. @returns {string} */
function device() {
  const known = recall(DEVICE) ?? `crew page ${newKey()}`;
  remember(DEVICE, known);
  return known;
}

/** The name of a photo on the server. @param {Blob} blob @returns {Promise<string>} */
export async function sha256(blob) {
  const hash = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return Array.from(new Uint8Array(hash), (one) => one.toString(16).padStart(2, "0")).join("");
}
