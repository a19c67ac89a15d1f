// @ts-check
/**
 * What this device keeps: drafts, reports and deeds not yet sent, own reports' numbers, and small choices. A browser
 * that keeps nothing for sites (its user forbids it) keeps it here until the page is closed.
 */

const NAME = "sigap";
const STORES = ["draft", "outbox", "mine", "deeds"];

/** @type {Promise<IDBDatabase | null> | null} */
let opened = null;
/** What stands for the database where there is none: for each store its values by their keys. */
const passing = new Map(STORES.map((name) => [name, new Map()]));

/** Null where the browser keeps nothing. */
function database() {
  opened ??= new Promise((resolve) => {
    try {
      const asked = indexedDB.open(NAME, 1);
      asked.onupgradeneeded = () => {
        for (const name of STORES) asked.result.createObjectStore(name, { keyPath: "key" });
      };
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  return opened;
}

/** Whether what is kept outlives the page. */
export const outlives = async () => (await database()) !== null;

/** A store's four deeds on a map. @param {Map<string, any>} values @returns {any} */
function passingStore(values) {
  return {
    put: (/** @type {any} */ value) => ({ result: void values.set(value.key, value) }),
    get: (/** @type {string} */ key) => ({ result: values.get(key) }),
    delete: (/** @type {string} */ key) => ({ result: void values.delete(key) }),
    getAll: () => ({ result: [...values.values()] }),
  };
}

/**
 * @template T @param {string} store @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>}
 */
async function run(store, mode, work) {
  const known = await database();
  if (known === null) return work(passingStore(passing.get(store) ?? new Map())).result;
  const transaction = known.transaction(store, mode, { durability: "strict" });
  const asked = work(transaction.objectStore(store));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(asked.result);
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** @param {string} store @param {any} value with its `key` */
export const put = (store, value) => run(store, "readwrite", (one) => one.put(value));

/** @param {string} store @param {string} key @returns {Promise<any>} */
export const get = (store, key) => run(store, "readonly", (one) => one.get(key));

/** @param {string} store @param {string} key */
export const drop = (store, key) => run(store, "readwrite", (one) => one.delete(key));

/** @param {string} store @returns {Promise<any[]>} in the order of their keys */
export const all = (store) => run(store, "readonly", (one) => one.getAll());

// Small choices

/** @type {Map<string, string>} */
const choices = new Map();

/** @param {"localStorage" | "sessionStorage"} name @returns {Storage | null} null where the browser forbids it */
function storage(name) {
  try {
    return window[name];
  } catch {
    return null;
  }
}

/** What was remembered under a name. @param {string} name @returns {string | null} */
export function recall(name) {
  return choices.get(name) ?? storage("sessionStorage")?.getItem(name) ?? storage("localStorage")?.getItem(name) ?? null;
}

/** Remember until the browser is closed, or (`always`) beyond. @param {string} name @param {string} value @param {boolean} [always] */
export function remember(name, value, always = true) {
  const kept = storage(always ? "localStorage" : "sessionStorage");
  try {
    if (kept === null) choices.set(name, value);
    else kept.setItem(name, value);
  } catch {
    choices.set(name, value);
  }
}

/** @param {string} name */
export function forget(name) {
  choices.delete(name);
  storage("sessionStorage")?.removeItem(name);
  storage("localStorage")?.removeItem(name);
}
