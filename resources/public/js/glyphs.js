// @ts-check
/** The drawings of categories, as small SVG elements. */

const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, string>} */
let paths = {};

export async function loadGlyphs() {
  try {
    paths = await (await fetch("/assets/glyphs.json")).json();
  } catch {
    paths = {}; // without drawings the words are enough
  }
}

/** @param {string | undefined} name @param {number} [side] @returns {SVGElement} */
export function glyph(name, side = 28) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 16 16");
  picture.setAttribute("width", String(side));
  picture.setAttribute("height", String(side));
  picture.setAttribute("aria-hidden", "true");
  picture.setAttribute("class", "glyph");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", paths[name ?? ""] ?? paths.other ?? "");
  picture.append(path);
  return picture;
}
