// @ts-check
/** What others do with the city's set-up: the drafts that they have open, and what was applied last. */

import { fill, make } from "./dom.js";
import { SINGLE } from "./draft.js";
import { count, dateTime, t, time } from "./texts.js";

/**
 * @typedef {{who: string, since: string, rows: number}} OpenDraft
 * @typedef {{drafts: OpenDraft[], applied: {at: string, who: string, changed: Record<string, number>}[], consoles: number}} Work
 */

const MOST_APPLIED = 5;
/** So many lists are named of what was applied. */
const MOST_LISTS = 3;
/** What the server calls who starts its commands. */
const COMMAND_LINE = "command line";

/** The drafts of others, or other tabs of one's own, one line each. @param {HTMLElement} place @param {Work} work @param {string} me @param {string} zone the city's */
export function showDrafts(place, work, me, zone) {
  const said = work.drafts.map((one) => t(one.who === me ? "drafts.own" : "drafts.other", { who: one.who, time: time(one.since, zone), count: count(one.rows) }));
  place.hidden = said.length === 0;
  if (place.textContent !== said.join("")) fill(place, ...said.map((one) => make("span", {}, one)));
}

/** What was applied last: when, what, by whom. @param {HTMLElement} place @param {Work} work @param {string} zone the city's */
export function showApplied(place, work, zone) {
  place.hidden = work.applied.length === 0;
  fill(
    place,
    make("div", { class: "side-head" }, make("h2", {}, t("last_applied"))),
    make(
      "ul", { class: "applied" },
      ...work.applied.slice(0, MOST_APPLIED).map((one) =>
        make("li", {}, make("span", { class: "quiet" }, dateTime(one.at, zone)), make("span", {}, changed(one.changed)), make("span", { class: "quiet" }, one.who === COMMAND_LINE ? t("by.command_line") : one.who)),
      ),
    ),
  );
}

/** “2 units, 1 service”; of many lists those with the most. @param {Record<string, number>} counts @returns {string} */
function changed(counts) {
  const all = Object.entries(counts).sort(([, one], [, other]) => other - one);
  const rest = all.slice(MOST_LISTS).reduce((sum, [, number]) => sum + number, 0);
  const said = all.slice(0, MOST_LISTS).map(([part, number]) => {
    const name = t(number === 1 ? `one.${part}` : `part.${part}`).toLocaleLowerCase(document.documentElement.lang);
    return part === "city" || SINGLE.has(part) ? name : `${count(number)} ${name}`;
  });
  return [...said, rest ? t("difference.more", { count: count(rest) }) : ""].filter(Boolean).join(", ");
}
