// @ts-check
/** A list of the city as a table whose cells are edited in place. */

import { COLUMNS, FRESH, named } from "./columns.js";
import { details } from "./details.js";
import { fill, make } from "./dom.js";
import { SINGLE, isTouched, same } from "./draft.js";
import { count, has, t } from "./texts.js";

/** @typedef {import("./draft.js").Draft} Draft @typedef {import("./draft.js").Entry} Entry @typedef {import("./columns.js").Column} Column */

/** So many rows are drawn; the words beside “Find” say how many there are. */
const MOST_ROWS = 200;
/** So many beside other lists, until somebody asks for all; what is changed or wrong is always there. */
const BRIEF_ROWS = 8;
const READ_ONLY = new Set(["areas"]);

/** What a word of the server's is called here. @param {string} field @param {string} said @returns {string} */
function word(field, said) {
  if (field === "role" && has(`role.${said}`)) return t(`role.${said}`);
  return field === "kind" && has(`kind.${said}`) ? t(`kind.${said}`) : said;
}

export class Table {
  /** @param {string} part @param {() => void} changed called after each change of the draft */
  constructor(part, changed) {
    this.place = make("section", { class: "card", id: `list-${part}`, "aria-labelledby": `name-${part}` });
    this.changed = changed;
    this.words = "";
    this.part = part;
    /** Whether it stands beside others, and all its rows are asked for all the same. */
    this.isBrief = false;
    this.isWhole = false;
    /** The rows that are drawn, in their order. @type {Entry[]} */
    this.shown = [];
    /** @type {Set<Entry>} */
    this.open = new Set();
    /** The row just added, until its first field is left. @type {Entry | null} */
    this.begun = null;
    /** Rows that the server refuses, and why. @type {Map<Entry, string[]>} */
    this.faults = new Map();
    this.body = make("tbody");
    this.foot = make("p", { class: "foot quiet" });
    this.told = make("span", { class: "quiet" });
  }

  /** @param {Draft} draft @param {boolean} is_brief whether other lists stand beside it */
  show(draft, is_brief) {
    const { part } = this;
    this.draft = draft;
    this.isBrief = is_brief;
    const columns = this.columns();
    const find = make("input", {
      type: "search", placeholder: t("find"), "aria-label": t("find.in", { list: t(`part.${part}`) }), oninput: (/** @type {any} */ event) => this.find(event.target.value),
    });
    /** @type {HTMLInputElement} */ (find).value = this.words;
    const heads = columns.map((column) => make("th", { scope: "col", class: column.number ? "number" : null }, t(`field.${column.label ?? column.field}`)));
    const last = this.mayRemove() ? make("td") : null;
    fill(
      this.place,
      make(
        "div", { class: "list-head" }, make("h2", { id: `name-${part}` }, t(`part.${part}`)), this.told,
        SINGLE.has(part) ? null : find,
        FRESH[part] ? make("button", { type: "button", class: "plain", onclick: () => this.add() }, t(`add.${part}`)) : null,
      ),
      make("div", { class: "scroll" }, make("table", { class: SINGLE.has(part) ? "single" : null }, make("thead", {}, make("tr", {}, ...heads, last)), this.body)),
      this.foot,
    );
    this.rows();
  }

  columns() {
    return COLUMNS[this.part] ?? [];
  }

  mayRemove() {
    return !SINGLE.has(this.part) && !READ_ONLY.has(this.part);
  }

  /** @returns {Entry[]} */
  entries() {
    return this.draft?.list(this.part) ?? [];
  }

  /** @param {string} words */
  find(words) {
    this.words = words;
    this.rows();
  }

  /** Draw the rows that have the words: the new ones first, then as the city lists them. */
  rows() {
    const back = this.focused();
    const words = this.words.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const all = this.entries();
    const found = all.filter((entry) => {
      const said = this.columns().map((column) => [column.show(entry.row[column.field], entry.row)].flat().join(" ")).join(" ").toLocaleLowerCase();
      return words.every((each) => said.includes(each));
    });
    const sorted = [...found.filter((one) => one.was === null).reverse(), ...found.filter((one) => one.was !== null)];
    const is_brief = this.isBrief && !this.isWhole && words.length === 0;
    this.shown = sorted.filter((entry, at) => !is_brief || at < BRIEF_ROWS || isTouched(entry) || this.faults.has(entry) || this.open.has(entry)).slice(0, MOST_ROWS);
    fill(this.body, ...this.shown.flatMap((entry) => this.drawn(entry)));
    if (all.length === 0) {
      fill(this.body, make("tr", {}, make("td", { class: "empty", colspan: this.columns().length + 1 }, make("b", {}, t(`empty.${this.part}`)), make("span", {}, t("empty.how")))));
    } else if (found.length === 0) {
      fill(this.body, make("tr", {}, make("td", { class: "empty", colspan: this.columns().length + 1 }, make("b", {}, t("find.none")))));
    }
    back();
    this.foot.hidden = SINGLE.has(this.part);
    const said = `${t("shown", { shown: count(this.shown.length), all: count(all.length) })} · ${READ_ONLY.has(this.part) ? t("read_only") : t("tinted")}`;
    const left = is_brief && this.shown.length < Math.min(found.length, MOST_ROWS);
    fill(this.foot, said, left && " · ", left && make("button", { type: "button", class: "link", "aria-label": `${t("shown.all")}: ${t(`part.${this.part}`)}`, onclick: () => this.unroll() }, t("shown.all")));
    this.tell();
  }

  /** What gives the keyboard back to the cell that has it now, once the rows are drawn anew. @returns {() => void} */
  focused() {
    const cell = this.body.contains(document.activeElement) ? document.activeElement?.closest("td") : null;
    const rows = () => [...this.body.querySelectorAll(":scope > tr:not(.why, .details)")];
    const row = cell?.parentElement ? rows().indexOf(cell.parentElement) : -1;
    const column = cell ? [...(cell.parentElement?.children ?? [])].indexOf(cell) : -1;
    return () => rows()[row]?.children[column]?.querySelector("button")?.focus();
  }

  unroll() {
    this.isWhole = true;
    this.rows();
    this.body.querySelector("button")?.focus();
  }

  /** How many rows there are, are new, changed, and leave. */
  tell() {
    const all = this.entries();
    const fresh = all.filter((one) => one.was === null).length;
    const gone = all.filter((one) => one.gone).length;
    const changes = all.filter(isTouched).length - fresh - gone;
    const said = [
      SINGLE.has(this.part) ? t(`about.${this.part}`) : t("count.rows", { count: count(all.length) }),
      changes ? t("count.changed", { count: count(changes) }) : "",
      fresh ? t("count.new", { count: count(fresh) }) : "",
      gone ? t("count.gone", { count: count(gone) }) : "",
    ];
    this.told.textContent = said.filter(Boolean).join(SINGLE.has(this.part) ? " · " : ", ");
  }

  /** The row of an entry, and what stands below it. @param {Entry} entry @returns {HTMLElement[]} */
  drawn(entry) {
    const row = make("tr", { class: this.looks(entry) });
    for (const column of this.columns()) {
      const cell = make("td", { class: column.number ? "number" : null, "data-label": t(`field.${column.label ?? column.field}`), "data-help": this.help(column) });
      this.cell(cell, entry, column);
      row.append(cell);
    }
    if (this.mayRemove()) row.append(make("td", { class: "tail" }, this.tail(entry)));
    const below = [row];
    const wide = this.columns().length + 1;
    const why = this.faults.get(entry);
    if (why) below.push(make("tr", { class: "why" }, make("td", { colspan: wide }, ...why.map((one) => make("p", {}, one)))));
    if (this.draft && this.open.has(entry)) {
      below.push(make("tr", { class: "details" }, make("td", { colspan: wide }, details(this.draft, entry, (field, value) => this.put(entry, field, value)))));
    }
    return below;
  }

  /** What is said of a field beside its value, where a list has one row. @param {Column} column @returns {string | null} */
  help(column) {
    return has(`help.${this.part}.${column.field}`) ? t(`help.${this.part}.${column.field}`) : null;
  }

  /** @param {Entry} entry */
  looks(entry) {
    return [entry.was === null && "new", entry.gone && "gone", entry.theirs.size > 0 && "theirs", this.faults.has(entry) && "faulty"].filter(Boolean).join(" ");
  }

  /** @param {Entry} entry @returns {HTMLElement | null} */
  tail(entry) {
    const name = named(this.part, entry.row) || t("new");
    if (isTouched(entry)) {
      const words = entry.was === null ? t("forget") : t("undo");
      return make("button", { type: "button", class: "link", "aria-label": `${words}: ${name}`, onclick: () => this.undo(entry) }, words);
    }
    return make("button", { type: "button", class: "link", "aria-label": `${t("remove")}: ${name}`, onclick: () => this.remove(entry) }, t("remove"));
  }

  /** What a cell shows: a button that begins editing, unless the value stays. @param {HTMLElement} cell @param {Entry} entry @param {Column} column */
  cell(cell, entry, column) {
    const value = entry.row[column.field];
    const is_new = entry.was !== null && !same(value, entry.was[column.field]) && (!column.opens || !same(column.show(value, entry.row), column.show(entry.was[column.field], entry.was)));
    const shown = is_new && entry.was ? [make("del", {}, ...this.value(column, entry.was)), " ", make("ins", {}, ...this.value(column, entry.row))] : this.value(column, entry.row);
    cell.classList.toggle("theirs", entry.theirs.has(column.field));
    const stays = READ_ONLY.has(this.part) || entry.gone || (column.fixed && entry.was !== null);
    if (stays) return fill(cell, make("span", { class: column.strong ? "cell strong" : "cell" }, ...shown));
    const name = `${t(`field.${column.label ?? column.field}`)}, ${named(this.part, entry.row) || t("new")}: `;
    const act = () => (column.opens ? this.unfold(entry) : this.edit(cell, entry, column));
    const button = make(
      "button",
      {
        type: "button", class: column.strong ? "cell strong" : "cell", "data-field": column.label ?? column.field,
        "aria-expanded": column.opens ? String(this.open.has(entry)) : null, onclick: act, onkeydown: (/** @type {KeyboardEvent} */ event) => this.move(event, cell),
      },
      make("span", { class: "unseen" }, name),
      ...shown,
    );
    fill(cell, button);
  }

  /** @param {Column} column @param {Record<string, any>} row @returns {(HTMLElement | string)[]} */
  value(column, row) {
    const shown = column.show(row[column.field], row);
    if (Array.isArray(shown) && shown.length > 0) return shown.flatMap((one) => [make("span", { class: "chip" }, one), " "]);
    if (Array.isArray(shown)) return [make("span", { class: "lacks" }, "–")];
    return [word(column.field, shown) || make("span", { class: "lacks" }, "–")];
  }

  /** The arrow keys go from cell to cell. @param {KeyboardEvent} event @param {HTMLElement} cell */
  move(event, cell) {
    const [down = 0, right = 0] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] ?? [0, 0];
    if (!down && !right) return;
    const rows = [...this.body.querySelectorAll(":scope > tr:not(.why, .details)")];
    const row = rows[rows.indexOf(/** @type {Element} */ (cell.parentElement)) + down];
    const column = [...(cell.parentElement?.children ?? [])].indexOf(cell) + right;
    const next = row?.children[column]?.querySelector("button");
    event.preventDefault();
    next?.focus();
  }

  /** Type another value into a cell: Enter or leaving it takes the value, Esc leaves it as it was. @param {HTMLElement} cell @param {Entry} entry @param {Column} column */
  edit(cell, entry, column) {
    if (!this.draft) return;
    const value = entry.row[column.field];
    const shown = column.show(value, entry.row);
    const label = `${t(`field.${column.label ?? column.field}`)}, ${named(this.part, entry.row) || t("new")}`;
    const options = column.choices?.(this.draft) ?? [];
    const field = /** @type {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} */ (
      column.choices
        ? make("select", { "aria-label": label }, ...options.map(([one, words]) => make("option", { value: one }, word(column.field, words))))
        : make(column.lines ? "textarea" : "input", { "aria-label": label, placeholder: column.hint ?? "", autocomplete: "off", rows: column.lines ? 6 : null })
    );
    field.value = column.choices ? String(value ?? "") : [shown].flat().join(column.lines ? "\n" : ", ");
    let over = false;
    /** @param {boolean} take @param {boolean} back */
    const end = (take, back) => {
      if (over) return;
      try {
        if (take) this.put(entry, column.field, column.read(field.value));
      } catch (fault) {
        field.setCustomValidity(fault instanceof Error ? fault.message : String(fault));
        field.setAttribute("aria-invalid", "true");
        if (back) field.reportValidity();
        if (back) return;
      }
      over = true;
      this.cell(cell, entry, column);
      if (this.begun === entry) this.tellBegun();
      if (back) cell.querySelector("button")?.focus();
    };
    field.addEventListener("keydown", (event) => {
      const { key, ctrlKey } = /** @type {KeyboardEvent} */ (event);
      const takes = key === "Enter" && (ctrlKey || !column.lines);
      if (takes) event.preventDefault();
      if (takes || key === "Escape") end(takes, true);
    });
    field.addEventListener("input", () => field.setCustomValidity(""));
    field.addEventListener("blur", () => end(true, false));
    fill(cell, field);
    field.focus();
    if (field instanceof HTMLInputElement) field.select();
  }

  /** @param {Entry} entry @param {string} field @param {any} value */
  put(entry, field, value) {
    if (same(entry.row[field], value)) return;
    this.draft?.set(entry, field, value);
    this.again(entry);
    this.changed();
  }

  /** Draw what is said of a row anew, without its cells, one of which may have the keyboard. @param {Entry} entry */
  again(entry) {
    this.tell();
    const row = this.rowOf(entry);
    if (!row) return;
    row.className = this.looks(entry);
    const tail = /** @type {HTMLElement | null} */ (row.querySelector(".tail"));
    if (tail) fill(tail, this.tail(entry));
    for (const [at, column] of this.columns().entries()) {
      const cell = /** @type {HTMLElement | undefined} */ (row.children[at]);
      if (cell && column.opens && !cell.contains(document.activeElement)) this.cell(cell, entry, column);
    }
  }

  /** @param {Entry} entry */
  rowOf(entry) {
    return [...this.body.querySelectorAll(":scope > tr:not(.why, .details)")][this.shown.indexOf(entry)];
  }

  add() {
    this.words = "";
    const entry = this.draft?.add(this.part, FRESH[this.part]?.() ?? {});
    if (!entry || !this.draft) return;
    this.show(this.draft, this.isBrief);
    this.begun = entry;
    this.body.querySelector("button")?.click();
    if (!this.body.querySelector("td > input, td > select, td > textarea")) this.tellBegun();
  }

  /** The first field of a row just added was left, so the row is compared: before that it would only be called incomplete. */
  tellBegun() {
    this.begun = null;
    this.changed();
  }

  /** @param {Entry} entry */
  remove(entry) {
    this.draft?.remove(this.part, entry);
    this.rows();
    this.changed();
  }

  /** @param {Entry} entry */
  undo(entry) {
    this.draft?.restore(this.part, entry);
    this.rows();
    this.changed();
  }

  /** @param {Entry} entry */
  unfold(entry) {
    if (!this.open.delete(entry)) this.open.add(entry);
    this.rows();
    const row = this.rowOf(entry);
    const below = row?.nextElementSibling;
    const next = below?.matches(".details") ? below.querySelector("input") : /** @type {HTMLElement | null | undefined} */ (row?.querySelector("[aria-expanded]"));
    next?.focus();
  }
}
