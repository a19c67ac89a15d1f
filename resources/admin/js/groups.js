// @ts-check
/** Which lists of the city stand on one tab. */

import { PARTS } from "./draft.js";

/** @type {Record<string, string[]>} */
const NAMED = {
  work: ["units", "services"], places: ["areas", "agencies"], people: ["users"], texts: ["templates"], rules: ["calendars", "limits"],
  public: ["moderation", "retention"], city: ["facts", "requests"],
};
const OTHERS = "rules";

/** The tabs, in their order, with their lists; one that no tab names stands with the rules. @type {[string, string[]][]} */
export const GROUPS = Object.entries(NAMED).map(([group, parts]) => [group, group === OTHERS ? [...parts, ...PARTS.filter((one) => !Object.values(NAMED).flat().includes(one))] : parts]);

/** The tab of a list. @param {string} part @returns {string} */
export function groupOf(part) {
  return GROUPS.find(([, parts]) => parts.includes(part))?.[0] ?? OTHERS;
}

/** @param {string} group @returns {string[]} */
export function partsOf(group) {
  return GROUPS.find(([one]) => one === group)?.[1] ?? [];
}
