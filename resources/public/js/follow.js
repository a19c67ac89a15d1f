// @ts-check
/** The page of one report: where it stands, what was done and said, and what the reader can do about it. */

import { byId, fill, make, newKey } from "./dom.js";
import { glyph, loadGlyphs } from "./glyphs.js";
import { get, recall, remember } from "./keep.js";
import { Later, ask } from "./net.js";
import { shrink } from "./photos.js";
import { PlaceMap } from "./place_map.js";
import { keepSending } from "./sending.js";
import { begin, loadCity } from "./shell.js";
import { chosenLanguage, count, date, dateTime, t } from "./texts.js";

const LOOK_MS = 30_000;
const TOLD = "1";
const LONGEST_NUMBER = 40;
/** The number of the photo of what is not solved. */
const AGAIN_PHOTO = 4;
const PHOTO_LIMIT_MS = 120_000;

/** How the page groups the statuses: one look for each. */
const STATES = /** @type {Record<string, string>} */ ({
  new: "new", coordination: "new", assigned: "working", progress: "working", validation: "working",
  returned: "again", resolved: "done", closed: "closed",
});

const number = decodeURIComponent(location.pathname.replace(/^\/r\//, ""));
const address = `/public/v1/reports/${encodeURIComponent(number)}`;
/** @type {import("./shell.js").City | null} */
let city = null;
/** @type {string | null} */
let secret = null;
/** When the report that is on show was closed. @type {string | null} */
let closed = null;
/**
 * The last request to open it again; a further try of the same, about the same closing, bears its key.
 * @type {{closed: string | null, text: string, key: string}}
 */
let again = { closed, text: "", key: newKey() };
/** What shows that it is not solved. @type {Blob | null} */
let photo = null;
/** The same, of a report that is open again already. @type {Blob | null} */
let owed = null;

await begin();
void keepSending();
const placeMap = new PlaceMap("place");
await loadGlyphs();
city = await loadCity().catch(() => null);
secret = (await get("mine", number).catch(() => null))?.secret ?? null;
byId("unsolved-close").addEventListener("click", () => byId("unsolved").close());
byId("unsolved-form").addEventListener("submit", unsolved);
byId("unsolved-open").addEventListener("click", () => {
  byId("why-said").hidden = true;
  byId("unsolved").showModal();
});
byId("satisfied").addEventListener("click", satisfied);
byId("why-photo").addEventListener("change", choosePhoto);
await look();
setInterval(() => document.hidden || look(), LOOK_MS);

/** @param {string} key @param {Record<string, string>} [values] */
function say(key, values) {
  byId("said").textContent = key ? t(key, values) : "";
}

async function look() {
  try {
    show(await ask(`${address}?lang=${chosenLanguage()}`, { headers: secret ? { "Sigap-Report-Key": secret } : {} }));
    say(await pay());
  } catch (fault) {
    if (fault instanceof Later) say("follow.offline");
    else unknown();
  }
}

function unknown() {
  byId("unknown").hidden = !byId("report").hidden;
  say("follow.unknown", { number: number.length > LONGEST_NUMBER ? `${number.slice(0, LONGEST_NUMBER)}…` : number });
}

/** @param {any} report */
function show(report) {
  closed = report.closed_at;
  const service = city?.services.find((one) => one.code === report.service);
  const zone = city?.city.timezone;
  const name = service?.name ?? report.service ?? t("follow.report");
  document.title = `${report.number} · ${name}`;
  byId("number").textContent = t("follow.number", { number: report.number });
  byId("head").textContent = name;
  fill(byId("glyph"), glyph(service?.glyph, 32));
  const status = byId("status");
  const words = report.own_word ?? t(`status.${report.status}`);
  if (status.textContent !== words) status.textContent = words;
  status.dataset.state = STATES[report.status] ?? "new";
  byId("meaning").textContent = t(`meaning.${report.status}`);
  byId("reason").hidden = !report.reason;
  byId("reason").textContent = report.reason ? t("follow.reason", { reason: report.reason }) : "";
  byId("joined").hidden = !report.joined;
  if (report.joined) fill(byId("joined"), `${t("follow.joined")} `, make("a", { href: `/r/${encodeURIComponent(report.joined)}` }, report.joined));
  const unseen = report.words === "shown" ? "" : t(`follow.words_${report.words}`);
  byId("description").hidden = !report.description && !unseen;
  byId("description").textContent = [report.description, unseen].filter(Boolean).join("\n\n");
  const place = [report.address, report.area].filter(Boolean).join(", ");
  /** @type {[string, string][]} */
  const facts = [
    ["follow.place", place], ["follow.made", dateTime(report.created, zone)],
    ["follow.expected", report.expected ? dateTime(report.expected, zone) : ""],
    ["follow.me_too", report.me_too ? count(report.me_too) : ""],
  ];
  fill(byId("facts"), ...facts.filter(([, value]) => value).flatMap(([key, value]) => [make("dt", {}, t(key)), make("dd", {}, value)]));
  showDeeds(report);
  byId("photo-card").hidden = !report.photos.length;
  const shown = byId("photos").childElementCount;
  if (shown !== report.photos.length) {
    fill(byId("photos"), ...report.photos.map((/** @type {[string, string]} */ [role, source]) => make("figure", {}, make("img", { src: source, alt: t(`photo.${role}`), loading: "lazy" }), make("figcaption", {}, t(`photo.${role}`)))));
  }
  fill(byId("history"), ...report.history.map((/** @type {any} */ one) => make("li", {}, make("time", { datetime: one.at }, dateTime(one.at, zone)), ...step(one))));
  byId("report").hidden = false;
  void placeMap.show(report.lat, report.lon);
}

/** @param {any} one */
function step(one) {
  if (one.kind === "reply") return [make("b", {}, t("history.reply")), make("div", { class: "words" }, one.text)];
  if (one.kind === "created") return [t("history.created")];
  return [t(`history.${one.status}`)];
}

/** @param {any} report */
function showDeeds(report) {
  const open = !["resolved", "closed"].includes(report.status);
  const told = recall(`sigap.metoo.${report.number}`) === TOLD;
  const deeds = [];
  if (secret) deeds.push(make("p", { class: "quiet wide" }, t("follow.mine")));
  if (open && !secret) {
    deeds.push(make("button", { type: "button", class: "plain", disabled: told, onclick: meToo }, told ? t("metoo.told") : t("metoo.go")));
  }
  fill(byId("deeds"), ...deeds);
  byId("deeds").hidden = !deeds.length;
  byId("answer").hidden = !(report.may_reopen && secret);
  byId("answer-thanks").hidden = !report.satisfied;
  byId("satisfied").hidden = report.satisfied;
  byId("answer-text").hidden = report.satisfied || !report.answer_until;
  if (report.answer_until) byId("answer-text").textContent = t("answer.text", { date: date(report.answer_until, city?.city.timezone) });
}

async function meToo() {
  const kept = `sigap.metoo.${number}`;
  const key = recall(`${kept}.key`) ?? newKey();
  remember(`${kept}.key`, key, false);
  await deed(async () => {
    await ask(`${address}/me-too`, { method: "POST", json: { key } });
    remember(kept, TOLD);
  });
}

async function satisfied() {
  await deed(() => ask(`${address}/satisfied`, { method: "POST", json: { report_key: secret } }));
}

async function choosePhoto() {
  const [file] = byId("why-photo").files;
  byId("why-photo").value = "";
  byId("why-said").hidden = true;
  try {
    photo = await shrink(file);
  } catch {
    return wrong("send.unreadable", { name: file.name });
  }
  const source = URL.createObjectURL(photo);
  fill(byId("why-photos"), make("figure", {}, make("img", { src: source, alt: t("photo.other"), onload: () => URL.revokeObjectURL(source) })));
}

/** Say beside the words of what is not solved what is wrong. @param {string} key @param {Record<string, string>} [values] */
function wrong(key, values) {
  byId("why-said").textContent = t(key, values);
  byId("why-said").hidden = false;
}

/** @param {Event} event */
async function unsolved(event) {
  event.preventDefault();
  const text = byId("why").value.trim();
  if (!text) {
    wrong("answer.words");
    return byId("why").focus();
  }
  byId("unsolved").close();
  if (again.closed !== closed || again.text !== text) again = { closed, text, key: newKey() };
  await deed(async () => {
    await ask(`${address}/not-solved`, { method: "POST", json: { key: again.key, report_key: secret, text } });
    byId("why").value = "";
    fill(byId("why-photos"));
    owed = photo;
    photo = null;
  });
}

/** Send the photo of what is not solved; without a network it is sent when the page looks again. */
async function pay() {
  if (!owed) return "";
  try {
    const headers = { "Idempotency-Key": secret ?? "" };
    await ask(`${address}/photos/${AGAIN_PHOTO}`, { method: "PUT", body: owed, headers, limit_ms: PHOTO_LIMIT_MS });
  } catch (fault) {
    if (fault instanceof Later) return "answer.photo_waits";
    owed = null;
    return "answer.photo_refused";
  }
  owed = null;
  return "";
}

/** @param {() => Promise<any>} work */
async function deed(work) {
  try {
    await work();
    await look();
  } catch (fault) {
    if (fault instanceof Later) return say("deed.later");
    await look(); // what is shown was not so any more
    byId("said").textContent = t("deed.refused", { why: /** @type {Error} */ (fault).message });
  }
}
