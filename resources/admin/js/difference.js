// @ts-check
/** The difference at the right: one row a change with what hangs on it, faults, and the one button that applies it. */

import { fill, make } from "./dom.js";
import { count, has, t } from "./texts.js";

/**
 * @typedef {{part: string, key: string, did: string, fields: {field: string, before: string, after: string}[], note: string}} Change
 * @typedef {{changes: Change[], notes: string[], mark: string}} Difference
 * `faults` are sentences. `since` is when the draft was begun.
 * @typedef {{state: "none" | "comparing" | "shown" | "faulty" | "unreachable", difference: Difference | null, faults: string[], since: string, said: string}} Shown
 * @typedef {{apply: () => void, save: () => void, discard: () => void, open: (part: string) => void}} Deeds
 */

/** @type {Record<string, string>} */
const SIGNS = { added: "+", "brought back": "+", changed: "~", retired: "−", removed: "−", kept: "!" };
const MOST_CHANGES = 200;

/** @param {HTMLElement} place @param {Shown} shown @param {import("./others.js").Work} work what others do @param {Deeds} deeds */
export function showDifference(place, shown, work, deeds) {
  const all = shown.difference?.changes ?? [];
  const count_of = all.filter((one) => one.did !== "kept").length;
  const news = document.getElementById("news");
  if (news && news.textContent !== head(shown, count_of)) news.textContent = head(shown, count_of);
  const focused = place.contains(document.activeElement) ? document.activeElement?.id : "";
  fill(
    place,
    make("div", { class: "side-head" }, make("h2", {}, head(shown, count_of)), make("p", { class: "quiet" }, shown.said || (shown.since ? t(work.drafts.length === 0 ? "difference.since_alone" : "difference.since", { time: shown.since }) : t("difference.how")))),
    ...(shown.state === "faulty" ? [faults(shown.faults)] : rows(all, deeds)),
    ...(shown.state === "shown" ? (shown.difference?.notes ?? []).map((one) => make("p", { class: "note" }, one)) : []),
    make(
      "div", { class: "deeds" },
      make("p", { class: "quiet" }, `${t("difference.all_or_nothing")} ${reached(work.consoles ?? 0)}`),
      make(
        "div", { class: "buttons" },
        make("button", { type: "button", class: "main", id: "apply", disabled: shown.state !== "shown" || count_of === 0, onclick: deeds.apply }, verb(count_of)),
        make("button", { type: "button", class: "plain", id: "save", disabled: shown.state === "faulty", onclick: deeds.save }, t("folder.save")),
        make("button", { type: "button", class: "plain push", id: "discard", disabled: shown.state === "none", onclick: deeds.discard }, t("discard")),
      ),
    ),
  );
  if (focused) document.getElementById(focused)?.focus();
}

/** @param {Shown} shown @param {number} changes @returns {string} */
function head(shown, changes) {
  if (shown.state === "faulty") return t("difference.faulty", { count: count(shown.faults.length) });
  if (shown.state !== "shown") return t(`difference.${shown.state}`);
  if (changes === 0) return t("difference.same");
  return changes === 1 ? t("difference.one") : t("difference.some", { count: count(changes) });
}

/** Who has it at once. @param {number} consoles @returns {string} */
function reached(consoles) {
  if (consoles < 2) return t(consoles === 1 ? "difference.one_console" : "difference.no_console");
  return t("difference.consoles", { count: count(consoles) });
}

/** @param {number} changes @returns {string} */
function verb(changes) {
  if (changes < 2) return changes === 1 ? t("apply.one") : t("apply.none");
  return t("apply.some", { count: count(changes) });
}

/** @param {string[]} all @returns {HTMLElement} */
function faults(all) {
  return make("ul", { class: "rows faults" }, ...all.slice(0, MOST_CHANGES).map((one) => make("li", {}, make("span", { class: "sign" }, "!"), make("div", {}, one))));
}

/** @param {Change[]} all @param {Deeds} deeds @returns {HTMLElement[]} */
function rows(all, deeds) {
  if (all.length === 0) return [];
  const listed = make("ul", { class: "rows" }, ...all.slice(0, MOST_CHANGES).map((one) => change(one, deeds)));
  return all.length > MOST_CHANGES ? [listed, make("p", { class: "quiet more-rows" }, t("difference.more", { count: count(all.length - MOST_CHANGES) }))] : [listed];
}

/** @param {Change} one @param {Deeds} deeds @returns {HTMLElement} */
function change(one, deeds) {
  const part = one.part === "city" ? "facts" : one.part;
  const title = `${t(`one.${part}`)}${one.key ? ` ${one.key}` : ""}`;
  return make(
    "li", { "data-did": one.did },
    make("span", { class: "sign", "aria-hidden": "true" }, SIGNS[one.did] ?? ""),
    make(
      "div", {},
      make("button", { type: "button", class: "title", onclick: () => deeds.open(part) }, title),
      " ", make("span", { class: "quiet" }, t(`did.${one.did.replace(" ", "_")}`)),
      ...one.fields.map((field) =>
        make("p", {}, `${fieldWords(field.field)}: `, make("del", {}, field.before), " ", make("ins", {}, field.after)),
      ),
      one.note ? make("p", { class: "consequence" }, one.note) : null,
    ),
  );
}

/** What a field of the server's is called here. @param {string} field @returns {string} */
export function fieldWords(field) {
  const plain = field.replace("requests.", "");
  return has(`field.${plain}`) ? t(`field.${plain}`) : field;
}

/** The tokens of new users, which are shown this once. @param {HTMLElement} place @param {Record<string, string>} tokens @param {() => void} close */
export function showTokens(place, tokens, close) {
  const all = Object.entries(tokens);
  place.hidden = all.length === 0;
  if (all.length === 0) return fill(place);
  fill(
    place,
    make("div", { class: "side-head" }, make("h2", {}, t("tokens.head")), make("p", { class: "quiet" }, t("tokens.how"))),
    make("dl", { class: "tokens" }, ...all.flatMap(([name, token]) => [make("dt", {}, name), make("dd", {}, make("code", {}, token))])),
    make("div", { class: "deeds" }, make("button", { type: "button", class: "plain", onclick: close }, t("tokens.noted"))),
  );
}
