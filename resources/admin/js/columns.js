// @ts-check
/** The columns of each list: how a value is shown, how it is typed, what may be chosen. */

import { SINGLE } from "./draft.js";
import { t } from "./texts.js";

/** @typedef {import("./draft.js").Draft} Draft */
/**
 * A column. `show` makes the text (or texts: chips) of a value, `read` the value of what was typed and throws a
 * sentence. `choices` are [value, words]. `fixed`: only a new row has it typed. `opens`: shown as a button that opens
 * the row's details. `label` is what it is called where that is not its field. `lines`: typed as one value a line.
 * @typedef {{field: string, label?: string, show: (value: any, row: Record<string, any>) => string | string[], read: (text: string) => any,
 *   choices?: (draft: Draft) => [string, string][], fixed?: boolean, opens?: boolean, number?: boolean, strong?: boolean,
 *   hint?: string, lines?: boolean}} Column
 */

const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const GROUPS = new Map([["daily", [0, 1, 2, 3, 4, 5, 6]], ["weekdays", [0, 1, 2, 3, 4]]]);
const DAY = 24 * 60;
/** @type {[string, number][]} */
const LENGTHS = [["d", 86_400], ["h", 3_600], ["m", 60], ["s", 1]];
const ROLES = ["operator", "supervisor", "validator", "field", "viewer", "admin"];
const TEMPLATE_KINDS = ["reply", "disposition", "close", "duplicate", "return", "hold", "message"];
export const DATATYPES = ["string", "text", "number", "datetime", "singlevaluelist", "multivaluelist"];

/** @param {string} field @param {Partial<Column>} [more] @returns {Column} */
const text = (field, more = {}) => ({ field, show: (value) => String(value ?? ""), read: (typed) => typed.trim(), ...more });

/** @param {string} field @param {(draft: Draft) => [string, string][]} choices @param {boolean} [may_lack] @param {Partial<Column>} [more] @returns {Column} */
const choice = (field, choices, may_lack = false, more = {}) => ({
  ...text(field),
  show: (value) => (value === null || value === undefined ? "" : String(value)),
  read: (typed) => (may_lack && typed === "" ? null : typed),
  choices: (draft) => (may_lack ? [["", t("none")], ...choices(draft)] : choices(draft)),
  ...more,
});

/** @param {string} field @param {string} [hint] @returns {Column} */
const list = (field, hint = "") => ({
  field,
  show: (value) => value ?? [],
  read: (typed) => typed.split(/[|,;\n]/).map((one) => one.trim()).filter(Boolean),
  hint,
});

/** Sentences, which may have commas in them. @param {string} field @returns {Column} */
const steps = (field) => ({
  field,
  show: (value) => (value ?? []).join(" | "),
  read: (typed) => typed.split("|").map((one) => one.trim().replace(/\s+/g, " ")).filter(Boolean),
  hint: "Ask: is anybody in the water? | Tell the power company",
});

/** @param {string} field @param {boolean} [may_lack] @returns {Column} */
const number = (field, may_lack = false) => ({
  field,
  number: true,
  show: (value) => (value === null || value === undefined ? "" : String(value)),
  read: (typed) => {
    if (typed.trim() === "" && may_lack) return null;
    const found = Number(typed.trim().replace(",", "."));
    if (typed.trim() === "" || !Number.isFinite(found)) throw new Error(t("fault.number", { text: typed }));
    return found;
  },
});

/** @param {string} field @returns {Column} */
const yes = (field) => ({
  ...choice(field, () => [["true", t("yes")], ["false", t("no")]]),
  show: (value) => (value ? t("yes") : t("no")),
  read: (typed) => typed === "true",
});

/** Names in other languages. @param {string} field @param {string} [label] @returns {Column} */
function inLanguages(field, label = field) {
  return { field, label, show: namesText, read: readNames, hint: "nl=Overstroming; en=Flood" };
}

/** @param {string} part @param {string} key @param {string} name @returns {(draft: Draft) => [string, string][]} */
const of = (part, key, name) => (draft) =>
  draft.rows(part).map((row) => [String(row[key]), row[name] && row[name] !== row[key] ? `${row[key]} · ${row[name]}` : String(row[key])]);

/** @param {string[]} all @returns {() => [string, string][]} */
const words = (all) => () => all.map((one) => [one, one]);

/** The columns of each list. @type {Record<string, Column[]>} */
export const COLUMNS = {
  retention: ["contacts_days", "texts_days", "messages_days", "handovers_days", "positions_days"].map((field) => number(field, true)),
  requests: [
    "key_reports", "address_reports", "address_photos", "address_reads", "address_place_searches", "address_unknown_keys",
    "user_reads", "user_writes", "user_photo_megabytes", "user_caller_searches",
  ].map((field) => text(field, { read: (typed) => typed.trim() || undefined, hint: "600 per 1 minute" })),
  moderation: [list("services", "animal, noise"), yes("first_report"), yes("media_urls"), { ...list("words"), lines: true }],
  facts: [text("name", { strong: true }), text("timezone", { hint: "Asia/Jakarta" }), text("language", { hint: "fr" })],
  units: [
    text("id", { fixed: true, strong: true }), text("code"), text("name"), choice("agency", of("agencies", "code", "name"), true), list("areas", "31.74"),
    list("skills", "pump, saw"), choice("shift", of("calendars", "id", "id"), true), text("contact"), number("lat", true), number("lon", true),
  ],
  services: [
    text("code", { fixed: true, strong: true }), text("name"),
    { ...choice("priority", () => [1, 2, 3, 4].map((one) => [String(one), `P${one}`])), show: (value) => `P${value ?? 3}`, read: Number },
    choice("agency", of("agencies", "code", "name"), true), list("skills", "pump, saw"),
    ...["first_response_s", "finish_s"].map((clock) => ({ field: "sla", label: clock, opens: true, number: true, show: target(clock), read: String })),
    { field: "attributes", opens: true, number: true, show: (value) => String((value ?? []).length), read: String },
  ],
  agencies: [text("code", { fixed: true, strong: true }), text("name"), inLanguages("names")],
  areas: [text("code", { strong: true }), text("name"), number("level"), text("parent")],
  calendars: [
    text("id", { fixed: true, strong: true }), text("timezone", { hint: "Asia/Jakarta" }),
    { field: "days", show: weekText, read: readWeek, hint: "weekdays 07:30-16:00, saturday 08:00-12:00" },
    list("holidays", "2026-12-25"),
  ],
  templates: [
    text("id", { fixed: true, strong: true }), choice("kind", words(TEMPLATE_KINDS)), text("text"), inLanguages("texts"), choice("service", of("services", "code", "name"), true),
  ],
  limits: [
    text("id", { fixed: true, strong: true }), text("name"), text("filter", { hint: "cat=flood area=31.74" }), number("above"), number("within_minutes"),
    { ...choice("priority", () => [2, 3, 4].map((one) => [String(one), `P${one}`])), show: (value) => `P${value ?? 3}`, read: Number },
  ],
  run_cards: [
    text("id", { fixed: true, strong: true }), text("name"), list("services", "flood, drain"), list("groups", "water"),
    { ...list("priorities", "1, 2"), show: (value) => (value ?? []).map(String), read: (typed) => typed.split(/[|,;\s]+/).filter(Boolean).map(Number) },
    number("crews"), list("skills", "pump, saw"), steps("steps"),
  ],
  users: [text("name", { fixed: true, strong: true }), choice("role", words(ROLES)), list("areas", "31.74"), list("agencies", "pu")],
};

/** What a service has beside its columns, in its details. */
export const MORE_OF_SERVICES = [text("group"), text("glyph"), yes("proof"), yes("confidential"), text("keywords"), inLanguages("names"), inLanguages("groups", "translated_group")];

/** A new row of each list that can have one. @type {Record<string, () => Record<string, any>>} */
export const FRESH = {
  units: () => ({ id: "", code: "", name: "", agency: null, areas: [], skills: [], shift: null, contact: "", lat: null, lon: null }),
  services: () => ({ code: "", name: "", group: "", glyph: "other", priority: 3, agency: null, skills: [], sla: {}, proof: true, confidential: false, keywords: "", attributes: [], names: {}, groups: {} }),
  agencies: () => ({ code: "", name: "", names: {} }),
  calendars: () => ({ id: "", timezone: "Asia/Jakarta", days: [0, 1, 2, 3, 4, 5, 6].map((day) => (day < 5 ? [450, 960] : null)), holidays: [] }),
  templates: () => ({ id: "", kind: "reply", text: "", service: null, texts: {} }),
  limits: () => ({ id: "", name: "", filter: "", above: 10, within_minutes: 60, priority: 3 }),
  run_cards: () => ({ id: "", name: "", steps: [], services: [], groups: [], priorities: [], crews: 1, skills: [] }),
  users: () => ({ name: "", role: "operator", areas: [], agencies: [] }),
};

/** What a row is called. @param {string} part @param {Record<string, any>} row @returns {string} */
export function named(part, row) {
  if (part === "facts") return String(row.name);
  if (SINGLE.has(part)) return t(`part.${part}`);
  if (part === "units") return String(row.code || row.id);
  const key = COLUMNS[part]?.[0]?.field ?? "id";
  return String(row[key] ?? "");
}

// Names in other languages

/** Names by language as “nl=Overstroming; en=Flood”. @param {Record<string, string> | undefined} names @returns {string} */
export function namesText(names) {
  return Object.entries(names ?? {}).map((pair) => pair.join("=")).join("; ");
}

/** @param {string} typed @returns {Record<string, string>} */
export function readNames(typed) {
  const pairs = typed.split(";").map((one) => one.trim()).filter(Boolean);
  return Object.fromEntries(pairs.map((one) => {
    const at = one.indexOf("=");
    if (at < 1) throw new Error(t("fault.names", { text: one }));
    return [one.slice(0, at).trim(), one.slice(at + 1).trim()];
  }));
}

// Lengths of time

/** Seconds as 15m, 6h or 7d. @param {number | null | undefined} seconds @returns {string} */
export function lengthText(seconds) {
  if (seconds === null || seconds === undefined) return "";
  for (const [unit, size] of LENGTHS) if (seconds % size === 0) return `${seconds / size}${unit}`;
  return String(seconds);
}

/** The seconds of 15m, 6h, 7d or “1d 12h”; null of nothing. @param {string} typed @returns {number | null} */
export function readLength(typed) {
  const parts = typed.trim().toLowerCase();
  if (parts === "") return null;
  if (!/^(\d{1,9}\s*[dhms]\s*)+$/.test(parts)) throw new Error(t("fault.length", { text: typed }));
  const sizes = new Map(LENGTHS);
  return [...parts.matchAll(/(\d{1,9})\s*([dhms])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * (sizes.get(unit ?? "") ?? 0), 0);
}

/** One target of a service, of reports of its own priority. @param {string} clock @returns {Column["show"]} */
function target(clock) {
  return (sla, row) => lengthText((sla?.[String(row.priority ?? 3)] ?? sla?.["*"])?.[clock]) || "–";
}

// Hours of a week

/** @param {[number, number] | null} hours @returns {string} */
function hoursText(hours) {
  if (hours === null) return "closed";
  const clock = (/** @type {number} */ minutes) => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  return `${clock(hours[0])}-${clock(hours[1] > DAY ? hours[1] - DAY : hours[1])}`;
}

/** As the server's folder writes a week. @param {any} days @returns {string} */
function weekText(days) {
  const texts = DAYS.map((_, day) => hoursText(days?.[day] ?? null));
  if (new Set(texts).size === 1) return `daily ${texts[0]}`;
  const working = new Set(texts.slice(0, 5)).size === 1;
  const rest = texts.map((hours, day) => [DAYS[day], hours]).slice(working ? 5 : 0);
  const said = (working ? [["weekdays", texts[0]], ...rest] : rest).filter(([, hours]) => hours !== "closed");
  return said.map((pair) => pair.join(" ")).join(", ");
}

/** @param {string} typed @returns {([number, number] | null)[]} */
function readWeek(typed) {
  /** @type {([number, number] | null)[]} */
  const days = DAYS.map(() => null);
  for (const one of typed.split(/[,;]/).map((part) => part.trim().toLowerCase()).filter(Boolean)) {
    const [word = "", said = ""] = one.split(/\s+/, 2);
    const found = GROUPS.get(word) ?? (DAYS.includes(word) ? [DAYS.indexOf(word)] : null);
    const match = said.match(/^(\d{1,2})[:.](\d{2})[-–](\d{1,2})[:.](\d{2})$/);
    if (found === null || (match === null && said !== "closed")) throw new Error(t("fault.hours", { text: one }));
    const [begin, end] = match ? [Number(match[1]) * 60 + Number(match[2]), Number(match[3]) * 60 + Number(match[4])] : [0, 0];
    for (const day of found) days[day] = match ? [begin, end > begin ? end : end + DAY] : null;
  }
  return days;
}
