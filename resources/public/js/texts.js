// @ts-check
/** The words of the page in the reader's language, from one catalogue a language; dates and numbers in its manner. */

import { recall, remember } from "./keep.js";

const LANGUAGES = ["en", "id"];
const CHOICE = "sigap.language";

/** @type {Record<string, string>} */
let words = {};
let language = "en";

/** Load the catalogue and fill in the page's own texts. @param {string} [folder] where its catalogues are */
export async function loadTexts(folder = "/assets/texts") {
  language = chosen();
  document.documentElement.lang = language;
  const answer = await fetch(`${folder}/${language}.json`);
  words = await answer.json();
  translate(document.documentElement);
  for (const one of document.querySelectorAll("[data-language]")) {
    one.setAttribute("aria-pressed", String(one.getAttribute("data-language") === language));
    one.addEventListener("click", () => choose(one.getAttribute("data-language") ?? "en"));
  }
  document.body.hidden = false;
}

/** The language that the reader chose himself; "" for none: then the server goes by those of his browser. @returns {string} */
export function chosenLanguage() {
  const kept = recall(CHOICE);
  return kept && LANGUAGES.includes(kept) ? kept : "";
}

/**
 * The words of a key, with {name} replaced.
 * @param {string} key @param {Record<string, string | number>} [values] @returns {string}
 */
export function t(key, values = {}) {
  const found = words[key];
  if (found === undefined) {
    console.error(`no words for ${key}`);
    return key;
  }
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Whether there are words for a key. @param {string} key */
export function has(key) {
  return key in words;
}

/** Fill in every text that the page's source names by its key. @param {Element} root */
export function translate(root) {
  for (const one of root.querySelectorAll("[data-t]")) one.textContent = t(one.getAttribute("data-t") ?? "");
  for (const one of root.querySelectorAll("[data-t-label]")) one.setAttribute("aria-label", t(one.getAttribute("data-t-label") ?? ""));
  for (const one of root.querySelectorAll("[data-t-hint]")) one.setAttribute("placeholder", t(one.getAttribute("data-t-hint") ?? ""));
}

/** @param {string | number | Date} when @param {string} [zone] @returns {string} */
export function dateTime(when, zone) {
  return new Intl.DateTimeFormat(language === "id" ? "id-ID" : "en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: known(zone),
  }).format(new Date(when));
}

/** The time of day. @param {string | number | Date} when @param {string} [zone] @returns {string} */
export function time(when, zone) {
  return new Intl.DateTimeFormat(language === "id" ? "id-ID" : "en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: known(zone) }).format(new Date(when));
}

/** @param {string} when @param {string} [zone] @returns {string} */
export function date(when, zone) {
  return new Intl.DateTimeFormat(language === "id" ? "id-ID" : "en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: known(zone) }).format(new Date(when));
}

/** The zone, if this phone knows it by that name; else its own counts, as the phone is in the city. @param {string} [zone] */
function known(zone) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return undefined;
  }
}

/** @param {number} metres @returns {string} */
export function distance(metres) {
  const places = metres < 9950 ? 1 : 0;
  if (metres < 950) return `${Math.round(metres / 10) * 10} m`;
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: places }).format(metres / 1000)} km`;
}

/** @param {number} value @returns {string} */
export function count(value) {
  return new Intl.NumberFormat(language).format(value);
}

function chosen() {
  const kept = chosenLanguage();
  if (kept) return kept;
  const wanted = navigator.languages.map((one) => one.slice(0, 2).toLowerCase());
  return wanted.find((one) => LANGUAGES.includes(one)) ?? "en";
}

/** @param {string} wanted */
function choose(wanted) {
  remember(CHOICE, wanted);
  location.reload();
}
