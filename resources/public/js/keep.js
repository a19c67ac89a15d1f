// @ts-check
/** What this device keeps until the server has it: drafts, reports and deeds not yet sent, own reports' numbers. */

const NAME = "sigap";
const STORES = ["draft", "outbox", "mine", "deeds"];

/** @type {Promise<IDBDatabase> | null} */
let opened = null;

function database() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      for (const name of STORES) asked.result.createObjectStore(name, { keyPath: "key" });
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  return opened;
}

/**
 * @template T @param {string} store @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>}
 */
async function run(store, mode, work) {
  const transaction = (await database()).transaction(store, mode, { durability: "strict" });
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
