// @ts-check
/** What a service has more of than fits into a row: its targets by priority, and what it asks of a reporter. */

import { DATATYPES, MORE_OF_SERVICES, lengthText, namesText, readLength, readNames } from "./columns.js";
import { fill, make } from "./dom.js";
import { t } from "./texts.js";

/** @typedef {import("./draft.js").Draft} Draft @typedef {import("./draft.js").Entry} Entry */
/** @typedef {(field: string, value: any) => void} Put */

const PRIORITIES = ["1", "2", "3", "4", "*"];
const CLOCKS = ["first_response_s", "finish_s", "validation_s"];

/** @param {string} label @param {string} value @param {(typed: string) => void} take @param {Record<string, any>} [more] @returns {HTMLElement} */
function typed(label, value, take, more = {}) {
  const field = /** @type {HTMLInputElement} */ (make("input", { "aria-label": label, autocomplete: "off", ...more }));
  field.value = value;
  field.addEventListener("change", () => {
    try {
      take(field.value);
      field.setCustomValidity("");
    } catch (fault) {
      field.setCustomValidity(fault instanceof Error ? fault.message : String(fault));
      field.reportValidity();
    }
    field.toggleAttribute("aria-invalid", !field.validity.valid);
  });
  return field;
}

/** @param {string} label @param {string} value @param {[string, string][]} choices @param {(chosen: string) => void} take @returns {HTMLElement} */
function chosen(label, value, choices, take) {
  const field = /** @type {HTMLSelectElement} */ (make("select", { "aria-label": label }, ...choices.map(([one, words]) => make("option", { value: one }, words))));
  field.value = value;
  field.addEventListener("change", () => take(field.value));
  return field;
}

/** @param {string} label @param {boolean} value @param {(on: boolean) => void} take @returns {HTMLElement} */
function ticked(label, value, take) {
  const field = /** @type {HTMLInputElement} */ (make("input", { type: "checkbox", "aria-label": label }));
  field.checked = value;
  field.addEventListener("change", () => take(field.checked));
  return field;
}

/** @param {string[]} names @param {HTMLElement[]} rows @param {boolean} [tail] @returns {HTMLElement} */
function table(names, rows, tail = false) {
  const heads = names.map((name) => make("th", { scope: "col" }, t(`field.${name}`)));
  return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, ...heads, tail && make("td"))), make("tbody", {}, ...rows)));
}

/** @param {HTMLElement[]} fields @param {string} [head] @returns {HTMLElement} */
function row(fields, head = "") {
  return make("tr", {}, head ? make("th", { scope: "row" }, head) : null, ...fields.map((field) => make("td", {}, field)));
}

/** @param {Draft} draft @param {Entry} entry @param {Put} put @returns {HTMLElement} */
export function details(draft, entry, put) {
  const place = make("div", { class: "more" });
  const draw = () => fill(place, facts(draft, entry, put), make("h3", {}, t("targets.head")), targets(draft, entry, put), make("h3", {}, t("questions.head")), ...questions(entry, put, draw));
  draw();
  return place;
}

/** @param {Draft} draft @param {Entry} entry @param {Put} put */
function facts(draft, entry, put) {
  const fields = MORE_OF_SERVICES.map((column) => {
    const name = t(`field.${column.label ?? column.field}`);
    const value = entry.row[column.field];
    const field = column.choices
      ? chosen(name, String(Boolean(value)), column.choices(draft), (said) => put(column.field, column.read(said)))
      : typed(name, String(column.show(value, entry.row)), (said) => put(column.field, column.read(said)), { placeholder: column.hint ?? "" });
    return make("div", {}, make("span", { class: "quiet", "aria-hidden": "true" }, name), field);
  });
  return make("div", { class: "facts" }, ...fields);
}

/** @param {Draft} draft @param {Entry} entry @param {Put} put */
function targets(draft, entry, put) {
  /** @type {[string, string][]} */
  const calendars = [["", t("always")], ...draft.rows("calendars").map((one) => /** @type {[string, string]} */ ([one.id, one.id]))];
  const rows = PRIORITIES.map((priority) => {
    const name = priority === "*" ? t("targets.others") : `P${priority}`;
    const now = () => entry.row.sla?.[priority] ?? { first_response_s: null, finish_s: null, validation_s: null, pauses_for: [], calendar: null };
    /** @param {Record<string, any>} change */
    const set = (change) => {
      const target = { ...now(), ...change };
      const rest = Object.fromEntries(Object.entries(entry.row.sla ?? {}).filter(([one]) => one !== priority));
      put("sla", CLOCKS.some((clock) => target[clock] !== null) ? { ...rest, [priority]: target } : rest);
    };
    const label = (/** @type {string} */ field) => `${t(`field.${field}`)}, ${name}`;
    return row(
      [
        ...CLOCKS.map((clock) => typed(label(clock), lengthText(now()[clock]), (said) => set({ [clock]: readLength(said) }), { placeholder: "–" })),
        typed(label("pauses_for"), (now().pauses_for ?? []).join(", "), (said) => set({ pauses_for: said.split(/[,|;]/).map((one) => one.trim()).filter(Boolean) }), { placeholder: "reporter, weather" }),
        chosen(label("calendar"), now().calendar ?? "", calendars, (said) => set({ calendar: said || null })),
      ],
      name,
    );
  });
  return table(["priority", ...CLOCKS, "pauses_for", "calendar"], rows);
}

/** @param {Entry} entry @param {Put} put @param {() => void} draw @returns {HTMLElement[]} */
function questions(entry, put, draw) {
  /** @type {Record<string, any>[]} */
  const all = entry.row.attributes ?? [];
  const rows = all.map((question, at) => {
    /** @param {Record<string, any>} change */
    const set = (change) => put("attributes", (entry.row.attributes ?? []).map((/** @type {any} */ one, /** @type {number} */ place) => (place === at ? { ...one, ...change } : one)));
    const label = (/** @type {string} */ field) => `${t(`field.${field}`)}, ${t("question", { number: at + 1 })}`;
    const values = (question.values ?? []).map(valueText).join(", ");
    return row([
      typed(label("code"), question.code ?? "", (said) => set({ code: said.trim() })),
      typed(label("description"), question.description ?? "", (said) => set({ description: said.trim() })),
      typed(label("descriptions"), namesText(question.descriptions), (said) => set({ descriptions: readNames(said) }), { placeholder: "nl=Hoe diep?" }),
      chosen(label("datatype"), question.datatype ?? "string", DATATYPES.map((one) => [one, t(`datatype.${one}`)]), (said) => set({ datatype: said })),
      typed(label("values"), values, (said) => set({ values: readValues(said) }), { placeholder: "ankle=Ankle deep @nl=Enkelhoog, knee=Knee deep" }),
      ticked(label("required"), Boolean(question.required), (on) => set({ required: on })),
      typed(label("order"), String(question.order ?? 0), (said) => set({ order: Math.round(Number(said)) || 0 }), { inputmode: "numeric", class: "short" }),
      make("button", { type: "button", class: "link", "aria-label": `${t("remove")}: ${t("question", { number: at + 1 })}`, onclick: () => {
        put("attributes", (entry.row.attributes ?? []).filter((/** @type {any} */ _, /** @type {number} */ place) => place !== at));
        draw();
      } }, t("remove")),
    ]);
  });
  const add = make("button", { type: "button", class: "plain", onclick: () => {
    put("attributes", [...(entry.row.attributes ?? []), { code: "", description: "", datatype: "string", required: false, variable: true, order: all.length + 1, datatype_description: "", values: [], descriptions: {}, datatype_descriptions: {} }]);
    draw();
  } }, t("questions.add"));
  return [...(all.length ? [table(["code", "description", "descriptions", "datatype", "values", "required", "order"], rows, true)] : []), add];
}

/** Before a name of a choice in another language. */
const IN_LANGUAGE = /\s+@(?=[A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*=)/;

/** A choice as “ankle=Ankle deep @nl=Enkelhoog”. @param {{key: string, name: string, names?: Record<string, string>}} one @returns {string} */
function valueText(one) {
  return [`${one.key}=${one.name}`, ...Object.entries(one.names ?? {}).map((pair) => pair.join("="))].join(" @");
}

/** @param {string} said @returns {{key: string, name: string, names: Record<string, string>}[]} */
function readValues(said) {
  return said.split(/[,|]/).map((one) => one.trim()).filter(Boolean).map((one) => {
    const [plain = "", ...others] = one.split(IN_LANGUAGE);
    const [key = "", name] = plain.split("=", 2);
    return { key: key.trim(), name: (name ?? key).trim(), names: readNames(others.join(";")) };
  });
}
