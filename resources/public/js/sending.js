// @ts-check
/**
 * What waits on this device, on every page for citizens: said in the page's section `waiting`, and sent from it. Who
 * leaves the page of reporting for another one while a photo is on its way has not given it up.
 */

import { byId, fill, make } from "./dom.js";
import { drop } from "./keep.js";
import { sendAll, waiting } from "./outbox.js";
import { dateTime, t } from "./texts.js";

/** @typedef {import("./outbox.js").Waiting} Waiting */

const AGAIN_MS = 30_000;

/** @type {(one: Waiting) => void} */
let changed = () => {};
/** @type {() => void | Promise<void>} */
let over = () => {};

/**
 * Send what waits now, whenever the network is back, and every half minute.
 * @param {(one: Waiting) => void} [onChange] is told of each that has got on
 * @param {() => void | Promise<void>} [onEnd] is told when a try is over
 */
export async function keepSending(onChange = changed, onEnd = over) {
  changed = onChange;
  over = onEnd;
  addEventListener("online", tryAgain);
  setInterval(tryAgain, AGAIN_MS);
  await showWaiting();
  await tryAgain();
}

export async function tryAgain() {
  await sendAll((one) => {
    changed(one);
    void showWaiting();
  });
  await showWaiting();
  await over();
}

async function showWaiting() {
  const found = await waiting();
  const section = byId("waiting");
  section.hidden = !found.length;
  const lines = found.map((one) => {
    const words = one.problem ? t("waiting.refused", { why: one.problem }) : one.number ? t("waiting.photos", { number: one.number }) : t(one.busy ? "waiting.busy" : "waiting.network");
    const dropIt = async () => {
      await drop("outbox", one.key);
      await showWaiting();
    };
    const mark = make("span", { class: "mark", "data-mark": one.problem ? "refused" : "saved", "aria-hidden": "true" });
    return make("li", {}, mark, make("b", {}, one.serviceName), ` ${dateTime(one.made)} · ${words} `, one.problem && make("button", { type: "button", class: "link", onclick: dropIt }, t("waiting.drop")));
  });
  const able = found.some((one) => !one.problem);
  fill(section, make("ul", {}, ...lines), able && make("button", { type: "button", class: "plain", id: "retry", onclick: tryAgain }, t("waiting.try")));
}
