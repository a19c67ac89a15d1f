// @ts-check
/** What every page does first: its words, the city's name, deafness to double taps, the service worker. */

import { guardDoubleTaps } from "./taps.js";
import { chosenLanguage, loadTexts } from "./texts.js";

/**
 * @typedef {{code: string, name: string, group: string, glyph: string, keywords: string, language: string}} Service
 * @typedef {{city: {name: string, timezone: string, bbox: [west: number, south: number, east: number, north: number] | null}, services: Service[]}} City
 */

export async function begin() {
  guardDoubleTaps();
  await loadTexts();
  if ("serviceWorker" in navigator && isSecureContext) navigator.serviceWorker.register("/worker.js").catch(() => {});
}

/** The city's words. @returns {Promise<City>} */
export async function loadCity() {
  const answer = await fetch(`/public/v1/city?lang=${chosenLanguage()}`);
  if (!answer.ok) throw new Error(String(answer.status));
  const city = await answer.json();
  for (const place of document.querySelectorAll("[data-city]")) place.textContent = city.city.name;
  return city;
}
