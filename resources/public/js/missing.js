// @ts-check
/** The page for an address where nothing is. */

import { loadTexts } from "./texts.js";

await loadTexts();
