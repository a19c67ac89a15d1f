// @ts-check
/** What somebody would change in a city, kept beside what the city has: nothing of it is applied yet. */

/** The lists of a city, as the server names them; those of SINGLE have one row: the city itself, how long what is kept. */
export const PARTS = ["facts", "units", "services", "agencies", "areas", "calendars", "templates", "limits", "run_cards", "users", "retention", "requests", "moderation"];
export const SINGLE = new Set(["facts", "retention", "requests", "moderation"]);
/** The field by which a row is found in its list. @type {Record<string, string>} */
export const KEYS = {
  facts: "", retention: "", requests: "", moderation: "", units: "id", services: "code", agencies: "code", areas: "code", calendars: "id", templates: "id", limits: "id", run_cards: "id", users: "name",
};

/** @typedef {Record<string, any>} Row */
/**
 * A row of a list: `was` as the city has it (null: it has none yet), `row` as it shall be, `gone`: it shall leave.
 * `theirs` are the fields that somebody else has changed since it was changed here.
 * @typedef {{was: Row | null, row: Row, gone: boolean, theirs: Set<string>}} Entry
 * @typedef {{part: string, was: Row | null, row: Row, gone: boolean}} Kept
 */

/** Whether two values say the same. @param {any} one @param {any} other @returns {boolean} */
export function same(one, other) {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

/** The fields in which two rows differ. @param {Row} one @param {Row} other @returns {string[]} */
function between(one, other) {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((field) => !same(one[field], other[field]));
}

/** The fields of a row that were changed here; of a new one all. @param {Entry} entry @returns {string[]} */
export function changed(entry) {
  return entry.was === null ? Object.keys(entry.row) : between(entry.was, entry.row);
}

/** @param {Entry} entry @returns {boolean} */
export function isTouched(entry) {
  return entry.was === null || entry.gone || between(entry.was, entry.row).length > 0;
}

export class Draft {
  /**
   * @param {Record<string, any>} city as the server tells it @param {string} mark the city's mark
   * @param {Kept[]} [kept] what was changed here, perhaps in an older city
   */
  constructor(city, mark, kept = []) {
    this.mark = mark;
    this.name = String(city.name ?? "");
    this.zone = String(city.timezone ?? "");
    /** What this page has no list for stays as it is, unless a folder says otherwise. @type {Row} */
    this.rest = Object.fromEntries(Object.entries(city).filter(([name]) => !["name", "timezone", "language", ...PARTS].includes(name)));
    /** @type {Row} */
    this.given = {};
    /** @type {Record<string, Entry[]>} */
    this.lists = {};
    for (const part of PARTS) {
      const single = part === "facts" ? { name: city.name, timezone: city.timezone, language: city.language ?? "" } : (city[part] ?? {});
      const rows = SINGLE.has(part) ? [single] : (city[part] ?? []);
      this.lists[part] = rows.map((/** @type {Row} */ row) => ({ was: row, row, gone: false, theirs: new Set() }));
    }
    for (const one of kept) {
      if (one.part === "") this.#give(one.row);
      else this.#lay(one);
    }
  }

  /** @param {Row} said */
  #give(said) {
    this.given = Object.fromEntries(Object.entries(said).filter(([name, value]) => !same(value, this.rest[name])));
  }

  /** Lay a change over a city that may have changed since. @param {Kept} kept */
  #lay({ part, was, row, gone }) {
    const key = KEYS[part] ?? "id";
    const list = this.list(part);
    const entry = list.find((one) => one.was !== null && (SINGLE.has(part) || one.was[key] === (was ?? row)[key]));
    if (entry?.was) {
      const mine = was === null ? Object.keys(row) : between(was, row);
      const theirs = was === null ? mine : between(was, entry.was);
      entry.row = { ...entry.was, ...Object.fromEntries(mine.map((field) => [field, row[field]])) };
      entry.gone = gone;
      const clash = theirs.filter((field) => (gone || mine.includes(field)) && (gone || !same(entry.was?.[field], row[field])));
      entry.theirs = new Set(clash);
    } else if (!gone) {
      list.push({ was: null, row, gone: false, theirs: new Set(was === null ? [] : [key]) }); // another has removed it
    }
  }

  /** @param {string} part @returns {Entry[]} */
  list(part) {
    const found = this.lists[part];
    if (found === undefined) throw new Error(`no list ${part}`);
    return found;
  }

  /** The rows of a list as they shall be. @param {string} part @returns {Row[]} */
  rows(part) {
    return this.list(part).filter((entry) => !entry.gone).map((entry) => entry.row);
  }

  /** @param {string} part @returns {number} how many rows of it are changed here */
  count(part) {
    return this.list(part).filter(isTouched).length;
  }

  /** Whether anything is changed here. */
  get isTouched() {
    return PARTS.some((part) => this.count(part) > 0) || Object.keys(this.given).length > 0;
  }

  /** What the server is asked for: the lists that are changed here, or all. @param {boolean} [whole] @returns {Record<string, any>} */
  setup(whole = false) {
    /** @type {Record<string, any>} */
    const said = { ...(whole ? this.rest : {}), ...this.given };
    for (const part of PARTS) {
      if (!whole && this.count(part) === 0) continue;
      if (part === "facts") Object.assign(said, this.rows(part)[0]);
      else said[part] = SINGLE.has(part) ? this.rows(part)[0] : this.rows(part);
    }
    return said;
  }

  /** What is changed here, to be kept, or laid over another state of the city. @returns {Kept[]} */
  kept() {
    const rest = Object.keys(this.given).length > 0 ? [{ part: "", was: null, row: this.given, gone: false }] : [];
    return [...rest, ...PARTS.flatMap((part) => this.list(part).filter(isTouched).map(({ was, row, gone }) => ({ part, was, row, gone })))];
  }

  /** Add a row to a list. @param {string} part @param {Row} row @returns {Entry} */
  add(part, row) {
    /** @type {Entry} */
    const entry = { was: null, row, gone: false, theirs: new Set() };
    this.list(part).push(entry);
    return entry;
  }

  /** @param {Entry} entry @param {string} field @param {any} value */
  set(entry, field, value) {
    entry.row = { ...entry.row, [field]: value };
    entry.theirs.delete(field);
  }

  /** Let a row leave; one that the city does not have yet is forgotten. @param {string} part @param {Entry} entry */
  remove(part, entry) {
    if (entry.was === null) this.lists[part] = this.list(part).filter((one) => one !== entry);
    else entry.gone = true;
  }

  /** Forget what was changed in a row. @param {string} part @param {Entry} entry */
  restore(part, entry) {
    if (entry.was === null) return this.remove(part, entry);
    Object.assign(entry, { row: entry.was, gone: false, theirs: new Set() });
  }

  /** Take over what a folder says: a list of it is all there is. @param {Record<string, any>} setup */
  fill(setup) {
    for (const part of SINGLE) {
      const [entry] = this.list(part);
      if (!entry) continue;
      const given = part === "facts" ? { name: setup.name, timezone: setup.timezone, language: setup.language } : setup[part];
      const said = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
      if (given) entry.row = part === "requests" ? Object.fromEntries(said) : { ...entry.row, ...Object.fromEntries(said) };
    }
    this.#give(Object.fromEntries(Object.entries(setup).filter(([name]) => name in this.rest)));
    for (const part of PARTS.filter((one) => Array.isArray(setup[one]))) {
      const key = KEYS[part] ?? "id";
      const wanted = new Map(setup[part].map((/** @type {Row} */ row) => [row[key], row]));
      const list = this.list(part).filter((entry) => entry.was !== null);
      for (const entry of list) {
        const row = wanted.get(entry.was?.[key]);
        Object.assign(entry, { row: row ?? entry.was, gone: row === undefined, theirs: new Set() });
        wanted.delete(entry.was?.[key]);
      }
      this.lists[part] = list;
      for (const row of wanted.values()) this.add(part, row);
    }
  }

  /** The entry that stands at a place of what `setup` said. @param {string} part @param {number} at @returns {Entry | undefined} */
  at(part, at) {
    return this.list(part).filter((entry) => !entry.gone)[at];
  }
}
