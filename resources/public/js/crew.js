// @ts-check
/** The page of a crew: its jobs, what it does on each, its own state and position. Everything works without a network. */

import { Deeds, OF_MESSAGES, laterThan, moment, sha256 } from "./deeds.js";
import { byId, fill, make, refill } from "./dom.js";
import { glyph, loadGlyphs } from "./glyphs.js";
import { drop, forget, get, put, recall, remember } from "./keep.js";
import { Live } from "./live.js";
import { Later, Refused, ask, serverNow } from "./net.js";
import { shrink } from "./photos.js";
import { PlaceMap } from "./place_map.js";
import { begin } from "./shell.js";
import { deafAtFirst } from "./taps.js";
import { chosenLanguage, dateTime, distance, has, t } from "./texts.js";

/** Of degrees: about a metre. */
const POINT_DIGITS = 5;
const SIGNED = "sigap.crew";
const SHARED = "sigap.crew.position";
const KEPT_JOBS = "jobs";
const POSITION_MS = 10_000;
const REFRESH_MS = 3_000;
const RETRY_MS = 20_000;
/** So far the phone's idea of the server's time may be behind. */
const CLOCKS_MS = 5000;
/** How long a job that the server does not know any more stays in the list. */
const GONE_MS = 24 * 3_600_000;
const OWN_STATES = ["available", "break", "off_shift"];
const ENDED = ["done", "refused", "recalled", "gone"];
/** So many messages are shown before one asks for the earlier ones. */
const MESSAGES_SHOWN = 6;
/** What was in sight for so long was read. */
const READ_MS = 800;

/**
 * @typedef {{assignment: any, report: any, service: any, words: any[], area?: string, needs_proof?: boolean, steps?: {words: string, who: string, at: string | null}[]}} Job
 * @typedef {{message: any, read: string | null}} CrewMessage
 * @typedef {{unit: any, jobs: Job[], timezone?: string, messages?: CrewMessage[]}} UnitJobs
 * @typedef {import("./deeds.js").Deed} Deed
 */

/** `always`: remembered beyond this browser's end. @typedef {{token: string, unit: string, always?: boolean}} SignedIn */
/** @type {SignedIn | null} */
let signed = null;
/** @type {UnitJobs | null} */
let known = null;
/** @type {Deeds} */
let deeds;
/** @type {Live | null} */
let live = null;
/** The assignment on show. @type {string | null} */
let chosen = null;
let refreshed = 0;
/** The moment at which the jobs that are known were asked for. */
let asOf = 0;
let refreshTimer = 0;
let reachable = true;
/** @type {number | null} */
let watch = null;
/** @type {{lat: number, lon: number} | null} */
let here = null;
let told = 0;
/** Whether a note is on its way to the phone's storage. */
let noting = false;
/** Whether a step is on its way to the phone's storage: until it is there, the same button may be tapped again. */
let stepping = false;
/** Whether all messages that are known are shown. */
let allMessages = false;
/** The messages in sight, by their ids, and the timer after which they were read. @type {Set<string>} */
const inSight = new Set();
let readTimer = 0;
const sight = new IntersectionObserver(seen, { threshold: 0.6 });
/** Photos by their hash. @type {Map<string, Promise<string>>} */
const pictures = new Map();

await begin();
const placeMap = new PlaceMap("place");
await loadGlyphs();
byId("sign-in-form").addEventListener("submit", signIn);
byId("out").addEventListener("click", signOut);
byId("share").addEventListener("change", share);
byId("back").addEventListener("click", () => open(null));
byId("note-form").addEventListener("submit", note);
byId("message-form").addEventListener("submit", write);
byId("more-messages").addEventListener("click", showAllMessages);
byId("mail").addEventListener("click", goToMessages);
addEventListener("visibilitychange", readSoon);
byId("refuse-form").addEventListener("submit", refuse);
byId("refuse-close").addEventListener("click", () => byId("refuse").close());
byId("stuck-form").addEventListener("submit", stuck);
byId("stuck-close").addEventListener("click", () => byId("stuck").close());
addEventListener("online", again);
addEventListener("offline", showLink);
addEventListener("popstate", () => show(history.state?.job ?? null));
setInterval(again, RETRY_MS);
fill(byId("states"), ...OWN_STATES.map((state) => make("button", { type: "button", "data-state": state, onclick: () => own(state) }, t(`unit.${state}`))));
await enter(JSON.parse(recall(SIGNED) ?? "null"));

/** @returns {Record<string, string>} */
function headers() {
  return signed?.token ? { Authorization: `Bearer ${signed.token}` } : {};
}

/** @param {string} text */
function say(text) {
  byId("said").textContent = text;
}

// Signing in and out

/** @param {SignedIn | null} who */
async function enter(who) {
  signed = who;
  byId("sign-in").hidden = who !== null;
  byId("board").hidden = who === null || known === null; // a look at the link may have brought the jobs before
  if (who === null) {
    if (!isSecureContext) say(t("signin.insecure"));
    return;
  }
  const kept = await get("draft", KEPT_JOBS);
  if (kept?.unit === who.unit) {
    laterThan(kept.asked ?? 0);
    await take(kept.jobs, kept.asked ?? 0);
  }
  await refresh();
  if (signed !== who) return; // signed out meanwhile
  live = new Live(headers, soon);
  if (recall(SHARED) === "1") {
    byId("share").checked = true;
    share();
  }
}

/** @param {Event} event */
async function signIn(event) {
  event.preventDefault();
  say("");
  const who = { token: byId("token").value.trim(), unit: byId("unit").value.trim(), always: byId("remember").checked };
  signed = who;
  try {
    const answer = await ask(`/dispatch/v1/jobs?unit=${encodeURIComponent(who.unit)}&lang=${chosenLanguage()}`, { headers: headers() });
    who.unit = answer.unit.id;
  } catch (fault) {
    if (signed !== who) return;
    signed = null;
    if (fault instanceof Later) return say(t("signin.offline"));
    if (!(fault instanceof Refused)) throw fault;
    return say(fault.status === 404 ? t("signin.no_unit") : fault.status === 401 ? t("signin.wrong") : fault.message);
  }
  if (signed !== who) return; // the button was pressed again meanwhile
  byId("token").value = "";
  remember(SIGNED, JSON.stringify(who), who.always ?? false);
  await enter(who);
}

async function signOut() {
  const left = deeds?.waiting.length ?? 0;
  live?.end();
  deeds?.end();
  stopWatch();
  forget(SIGNED);
  await drop("draft", KEPT_JOBS);
  known = null;
  asOf = 0;
  here = null;
  for (const one of pictures.values()) one.then(URL.revokeObjectURL, () => {});
  pictures.clear();
  byId("out").hidden = true;
  byId("who").textContent = t("crew.brand");
  byId("link").textContent = "";
  byId("mail").hidden = true;
  byId("message").value = "";
  show(null);
  await enter(null);
  if (left) say(t("crew.out_kept", { count: left }));
}

// What the server knows

function soon() {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(refresh, Math.max(0, Math.min(REFRESH_MS, refreshed + REFRESH_MS - Date.now())));
}

async function again() {
  if (signed === null) return;
  if (known !== null) await deeds.send(); // else they are of who was signed in before
  await refresh();
}

async function refresh() {
  const who = signed;
  if (who === null) return;
  const asked = moment();
  refreshed = Date.now();
  try {
    const answer = await ask(`/dispatch/v1/jobs?unit=${encodeURIComponent(who.unit)}&lang=${chosenLanguage()}`, { headers: headers() });
    if (signed !== who) return;
    if (answer.unit.id !== who.unit) follow(who, answer.unit);
    await take(answer, asked);
    await put("draft", { key: KEPT_JOBS, unit: who.unit, jobs: known ?? answer, asked }).catch(() => {}); // a full phone shows them all the same
    showLink(null, true);
  } catch (fault) {
    if (fault instanceof Later) return showLink(null, false);
    if (!(fault instanceof Refused)) throw fault;
    say(fault.status === 401 ? t("fault.sign_in") : fault.message);
  }
}

/** The unit that this user's name stands for is another one by now. @param {SignedIn} who @param {any} unit */
function follow(who, unit) {
  const left = deeds?.waiting.length ?? 0;
  deeds?.end();
  known = null;
  asOf = 0;
  who.unit = unit.id;
  remember(SIGNED, JSON.stringify(who), who.always ?? false);
  show(null);
  say(left ? t("crew.out_kept", { count: left }) : t("crew.called", { unit: unit.code }));
}

/** @param {UnitJobs} answer @param {number} asked the moment */
async function take(answer, asked) {
  if (asked < asOf) return; // an older answer that comes later
  const first = known === null;
  const before = new Set(known?.jobs.map((one) => one.assignment.id));
  known = withGone(answer);
  asOf = asked;
  if (!first) orderedAgain(before);
  if (first) {
    const signature = headers();
    deeds = new Deeds(answer.unit.id, () => signature, draw, () => say(t("fault.sign_in")));
    await deeds.load();
    byId("out").hidden = false;
    showShare();
    byId("board").hidden = chosen !== null;
    deeds.send();
  }
  draw();
}

/**
 * The answer with the jobs that were alive before and are not in it: the server was set back, say. The crew is told that
 * they are gone, and asks; what it writes stays. @param {UnitJobs} answer @returns {UnitJobs}
 */
function withGone(answer) {
  const there = new Set(answer.jobs.map((one) => one.assignment.id));
  const since = serverNow().toISOString();
  const gone = (known?.jobs ?? [])
    .filter((one) => !there.has(one.assignment.id) && (one.assignment.state === "gone" ? serverNow().getTime() - Date.parse(one.assignment.since) < GONE_MS : !ENDED.includes(one.assignment.state)))
    .map((one) => (one.assignment.state === "gone" ? one : { ...one, assignment: { ...one.assignment, state: "gone", since } }));
  return { ...answer, jobs: [...answer.jobs, ...gone] };
}

/**
 * Show the new order where the page shows an ended job on the same report; what is being written stays.
 * @param {Set<string>} before the assignments that were known
 */
function orderedAgain(before) {
  const shown = current();
  if (!shown || !ENDED.includes(shown.assignment.state)) return;
  const anew = known?.jobs.find((one) => one.report.id === shown.report.id && !ENDED.includes(one.assignment.state) && !before.has(one.assignment.id));
  if (!anew) return;
  chosen = anew.assignment.id;
  history.replaceState({ job: chosen }, "");
  for (const one of ["refuse", "stuck"]) byId(one).close(); // it was about the job before
  say(t("crew.again"));
}

/** @param {Event | null} _ @param {boolean} [reached] */
function showLink(_, reached = navigator.onLine) {
  reachable = reached && navigator.onLine;
  drawLink();
}

function drawLink() {
  if (known === null) return;
  const words = t("crew.now", { state: t(`unit.${unitState()}`), link: t(reachable ? "crew.online" : "crew.offline") });
  if (byId("link").textContent !== words) byId("link").textContent = words;
  byId("offline").hidden = reachable;
}

/** The state of the unit with what was done here and the jobs that are known cannot show yet. @returns {string} */
function unitState() {
  return deeds.ahead(asOf).filter((one) => one.kind === "unit_state").at(-1)?.data.state ?? known?.unit.state;
}

// The unit itself

/** @param {string} state */
async function own(state) {
  await keep(null, "unit_state", { unit: known?.unit.id, state }, null);
}

function share() {
  const wanted = byId("share").checked;
  remember(SHARED, wanted ? "1" : "0");
  if (!wanted) return stopWatch();
  if (!navigator.geolocation || !isSecureContext) return denied();
  watch = navigator.geolocation.watchPosition(moved, (fault) => fault.code === 1 && denied(), { enableHighAccuracy: true, maximumAge: 5_000 });
  showShare();
}

function denied() {
  stopWatch();
  byId("share").checked = false;
  byId("share-said").textContent = t("crew.position_denied");
}

function stopWatch() {
  if (watch !== null) navigator.geolocation.clearWatch(watch);
  watch = null;
  showShare();
}

function showShare() {
  byId("share-said").textContent = t(watch === null ? "crew.position_off" : "crew.position_on");
}

/** @param {GeolocationPosition} at */
async function moved(at) {
  here = { lat: at.coords.latitude, lon: at.coords.longitude };
  draw();
  if (Math.abs(Date.now() - told) < POSITION_MS || known === null || signed === null) return;
  told = Date.now();
  const body = { lat: here.lat, lon: here.lon, at: serverNow().toISOString() };
  try {
    await ask(`/dispatch/v1/units/${encodeURIComponent(known.unit.id)}/position`, { method: "PUT", headers: headers(), json: body });
    byId("share-said").textContent = t("crew.position_last", { time: cityTime(Date.now()) });
  } catch {
    // a position is worth nothing later: the next one is sent when there is a network
  }
}

// What is shown

/** Show a job, or the list of them. @param {string | null} job an assignment's id */
function open(job) {
  if (job !== null) history.pushState({ job }, "");
  else if (history.state?.job) return history.back();
  show(job);
}

/** @param {string | null} job */
function show(job) {
  chosen = job;
  const found = current();
  byId("job").hidden = !found;
  byId("board").hidden = Boolean(found) || known === null;
  byId("bottom").hidden = !found;
  byId("note").value = byId("reason").value = byId("need").value = "";
  draw();
  scrollTo(0, 0);
  if (found) byId("job-head").focus({ preventScroll: true });
}

/** @returns {Job | undefined} */
function current() {
  return known?.jobs.find((one) => one.assignment.id === chosen);
}

function draw() {
  if (known === null) return;
  const { unit, jobs } = known;
  byId("who").textContent = unit.code;
  drawLink();
  const alive = jobs.filter((one) => !ENDED.includes(stateOf(one)));
  for (const one of byId("states").querySelectorAll("button")) {
    one.setAttribute("aria-pressed", String(one.dataset.state === unitState()));
    one.disabled = alive.length > 0; // on a job its state follows from the job
  }
  const ended = jobs.filter((one) => ENDED.includes(stateOf(one)));
  refill(byId("jobs"), ...alive.map(row));
  refill(byId("ended"), ...ended.map(row));
  byId("no-jobs").hidden = alive.length > 0;
  byId("ended-part").hidden = !ended.length;
  drawMessages();
  const unsettled = deeds.list.filter((one) => one.state !== "received" && (!OF_MESSAGES.includes(one.kind) || (one.kind === "message" && one.state === "refused")));
  refill(byId("deeds"), ...unsettled.map(deedRow));
  byId("deeds-part").hidden = !unsettled.length;
  const job = current();
  if (job) drawJob(job);
}

/** The state of a job with what was done here and the jobs that are known cannot show yet. @param {Job} job @returns {string} */
function stateOf(job) {
  return on(job, deeds.ahead(asOf)).filter((one) => one.kind === "progress").at(-1)?.data.state ?? job.assignment.state;
}

/**
 * Which of these were done on a job. Progress is of one order, not of the report: a refusal that cannot leave the phone
 * says nothing of the next order. @param {Job} job @param {Deed[]} some @returns {Deed[]}
 */
function on(job, some) {
  return some.filter((one) => (one.job ? one.job === job.assignment.id : one.report === job.report.id));
}

/** As the control room reads it, wherever the phone was bought. @param {string | number} when @returns {string} */
function cityTime(when) {
  return dateTime(when, known?.timezone);
}

/** @param {Job} job */
function row(job) {
  const { report, assignment } = job;
  const ended = ENDED.includes(stateOf(job));
  const far = here && report.lat !== null && report.lat !== undefined ? distance(metres(here, report)) : "";
  const mark = on(job, deeds.waiting).length > 0 && make("span", { class: "mark", "data-mark": "saved" }, t("mark.saved"));
  const words = make("span", {}, make("b", {}, name(job)), make("small", {}, [report.address || report.title, job.area].filter(Boolean).join(" · ") || t("job.report", { number: report.id })), make("small", {}, [job.service?.confidential && t("job.confidential"), t(`state.${stateOf(job)}`), cityTime(ended ? assignment.since : assignment.created)].filter(Boolean).join(" · ")), mark);
  const priority = make("span", { class: "priority", "data-priority": report.priority, "aria-label": t("job.priority", { number: report.priority }) }, `P${report.priority}`);
  return make("li", {}, make("button", { type: "button", class: ended ? "job ended" : "job", "data-assignment": assignment.id, "data-priority": report.priority, onclick: () => open(assignment.id) }, glyph(job.service?.glyph, 28), words, make("em", {}, priority, far && make("br"), far)));
}

/** @param {Job} job @returns {string} */
function name(job) {
  return job.service?.name ?? job.report.service ?? t("job.report", { number: job.report.id });
}

/** @param {Deed} deed */
function deedRow(deed) {
  const [status, message] = deed.problem.split("|");
  const why = status === "412" ? t("fault.conflict") : status === "403" ? t("fault.forbidden") : t("fault.invalid", { why: message ?? "" });
  const refused = deed.state === "refused";
  return make("li", { "data-key": deed.key },
    make("span", {}, make("b", {}, deedName(deed)), ` ${cityTime(deed.occurred_at)}`),
    make("span", { class: "mark", "data-mark": deed.state }, t(`mark.${deed.state}`)),
    refused && make("p", {}, why),
    refused && status === "403" && make("button", { type: "button", class: "link", onclick: () => deeds.again(deed).then(refresh) }, t("fault.again")),
    refused && make("button", { type: "button", class: "link", onclick: () => deeds.remove(deed) }, t("fault.drop")));
}

/** @param {Deed} deed @returns {string} */
function deedName(deed) {
  if (deed.kind === "progress") return t("deeds.progress", { state: t(`state.${deed.data.state}`) });
  if (deed.kind === "message") return `${t("deeds.message")}: ${deed.data.text}`;
  if (deed.kind === "unit_state") return t("deeds.unit_state", { state: t(`unit.${deed.data.state}`) });
  return deed.kind === "photo" ? t(`deeds.photo.${deed.data.role}`) : t("deeds.note");
}

// Messages

/**
 * What was written, the newest first, with what waits here.
 * @returns {{id: string, who: string, at: string, text: string, report: string | null, several: boolean, mine: boolean, fresh: boolean, mark: string, state: string}[]}
 */
function messages() {
  const there = known?.messages ?? [];
  const ids = new Set(there.map((one) => one.message.id));
  const read = new Set(deeds.list.filter((one) => one.kind === "read").flatMap((one) => one.data.messages));
  const kept = there.map(({ message, read: at }) => {
    const mine = message.unit === known?.unit.id;
    return {
      id: message.id, who: message.author, at: message.at, text: message.text, report: message.report, mine,
      several: !mine && message.to.unit === null, fresh: message.to_you && at === null && !read.has(message.id),
      mark: at === null ? "sent" : "received", state: at === null ? t("mark.sent") : t("mark.read", { time: cityTime(at) }),
    };
  });
  const waiting = deeds.list.filter((one) => one.kind === "message" && one.state !== "refused" && !ids.has(one.key)).map((one) => {
    const mark = one.state === "received" ? "sent" : "saved"; // while it is being sent the control room may never get it
    return { id: one.key, who: known?.unit.code, at: one.occurred_at, text: one.data.text, report: null, mine: true, several: false, fresh: false, mark, state: t(`mark.${mark}`) };
  });
  return [...kept, ...waiting].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
}

function drawMessages() {
  const all = messages();
  const fresh = all.filter((one) => one.fresh);
  const shown = allMessages ? all : all.slice(0, Math.max(MESSAGES_SHOWN, all.findLastIndex((one) => one.fresh) + 1));
  refill(byId("messages"), ...shown.map(messageRow));
  byId("more-messages").hidden = shown.length === all.length;
  byId("mail").hidden = !fresh.length;
  const words = t("crew.mail", { count: fresh.length });
  if (byId("mail").textContent !== words) byId("mail").textContent = words;
  sight.disconnect();
  inSight.clear();
  for (const one of byId("messages").querySelectorAll("[data-unread]")) sight.observe(one);
}

/** @param {ReturnType<typeof messages>[number]} one */
function messageRow(one) {
  const about = [cityTime(one.at), one.report !== null && t("job.report", { number: one.report }), one.several && t("crew.to_several")];
  return make("li", { "data-message": one.id, "data-unread": one.fresh },
    make("span", {}, make("b", {}, one.who), ` ${about.filter(Boolean).join(" · ")}`),
    one.mine && make("span", { class: "mark", "data-mark": one.mark }, one.state),
    make("p", { class: "words" }, one.text));
}

/** What comes into sight and stays there is read. @param {IntersectionObserverEntry[]} entries */
function seen(entries) {
  for (const one of entries) {
    const id = /** @type {HTMLElement} */ (one.target).dataset.message ?? "";
    if (one.isIntersecting) inSight.add(id);
    else inSight.delete(id);
  }
  readSoon();
}

function readSoon() {
  clearTimeout(readTimer);
  if (inSight.size && document.visibilityState === "visible") readTimer = setTimeout(markRead, READ_MS);
}

async function markRead() {
  if (!inSight.size || known === null || document.visibilityState !== "visible") return;
  await keep(null, "read", { messages: [...inSight] }, null);
}

function showAllMessages() {
  allMessages = true;
  draw();
}

function goToMessages() {
  if (chosen !== null) {
    history.pushState({}, "");
    show(null);
  }
  byId("messages-head").focus();
}

/** @param {Event} event */
async function write(event) {
  event.preventDefault();
  const text = byId("message").value.trim();
  if (!text || noting) return;
  noting = true;
  const kept = await keep(null, "message", { to: { role: "operator" }, text }, null);
  noting = false;
  if (kept) clear("message", text);
}

/** @param {Job} job */
function drawJob(job) {
  const { report, assignment } = job;
  const state = stateOf(job);
  byId("job-number").textContent = t("job.report", { number: report.id });
  byId("job-head").textContent = name(job);
  fill(byId("job-glyph"), glyph(job.service?.glyph, 32));
  byId("job-priority").textContent = `P${report.priority}`;
  byId("job-priority").dataset.priority = report.priority;
  if (byId("job-state").textContent !== t(`state.${state}`)) byId("job-state").textContent = t(`state.${state}`);
  byId("job-description").textContent = [report.title, report.description].filter(Boolean).join("\n");
  const placed = typeof report.lat === "number";
  const far = here && placed ? t("job.distance", { distance: distance(metres(here, report)) }) : "";
  const point = placed ? `${Number(report.lat).toFixed(POINT_DIGITS)}, ${Number(report.lon).toFixed(POINT_DIGITS)}` : ""; // not every phone has a program for `geo:`
  /** @type {[string, string][]} */
  const facts = [["job.place", [report.address || point, job.area, far].filter(Boolean).join(" · ")], ["job.ordered", [cityTime(assignment.ordered_at ?? assignment.created), assignment.ordered_by && t("job.by", { who: assignment.ordered_by })].filter(Boolean).join(" ")], ["job.confidential", job.service?.confidential ? t("job.confidential_text") : ""]];
  fill(byId("job-facts"), ...facts.filter(([, value]) => value).flatMap(([key, value]) => [make("dt", {}, t(key)), make("dd", {}, value)]));
  byId("job-map").hidden = !placed;
  if (placed) byId("job-map").href = `geo:${Number(report.lat)},${Number(report.lon)}?q=${Number(report.lat)},${Number(report.lon)}`;
  void placeMap.show(report.lat, report.lon);
  drawPhotos(job);
  const steps = job.steps ?? []; // a server of before has none
  byId("job-steps-part").hidden = !steps.length;
  fill(byId("job-steps"), ...steps.map((one) => make("li", { "data-done": one.at ? "" : null }, make("span", { class: "unseen" }, t(one.at ? "job.step_done" : "job.step_open")), make("span", { class: "words" }, one.words), one.at ? make("span", { class: "quiet" }, `${one.who} ${cityTime(one.at)}`) : "")));
  fill(byId("job-notes"), ...job.words.map((one) => make("li", {}, make("span", {}, make("b", {}, one.author), ` ${cityTime(one.at)}`), make("p", { class: "words" }, one.text))));
  const shown = deeds.list.filter((one) => one.report === report.id || (one.kind === "unit_state" && Date.parse(one.occurred_at) > Date.parse(assignment.created) - CLOCKS_MS));
  refill(byId("job-deeds"), ...shown.map(deedRow));
  byId("job-deeds-part").hidden = !shown.length;
  drawActs(job, state);
}

/** @param {Job} job */
function drawPhotos(job) {
  const there = (job.report.photos ?? []).filter((/** @type {any} */ one) => one.sha256).map((/** @type {any} */ one) => ({ sha: one.sha256, role: one.role }));
  const hashes = new Set(there.map((/** @type {any} */ one) => one.sha));
  const mine = deeds.ahead(asOf).filter((one) => one.kind === "photo" && one.report === job.report.id && !hashes.has(one.data.sha256));
  for (const one of mine) if (one.blob && !pictures.has(one.data.sha256)) pictures.set(one.data.sha256, Promise.resolve(URL.createObjectURL(one.blob)));
  const photos = [...there, ...mine.map((one) => ({ sha: one.data.sha256, role: one.data.role }))];
  byId("job-photos-part").hidden = !photos.length;
  const key = photos.map((one) => one.sha).join();
  const place = byId("job-photos");
  if (place.dataset.key === `${job.report.id}:${key}`) return;
  place.dataset.key = `${job.report.id}:${key}`;
  fill(place, ...photos.map(({ sha, role }) => {
    const words = has(`photo.${role}`) ? t(`photo.${role}`) : t("photo.other");
    const picture = make("img", { alt: words });
    pictureOf(sha).then((address) => picture.setAttribute("src", address), () => {
      pictures.delete(sha);
      place.dataset.key = "";
      picture.setAttribute("alt", t("job.photo_wait"));
    });
    return make("figure", {}, picture, make("figcaption", {}, words));
  }));
}

/** The address of a photo's bytes, fetched with the token. @param {string} sha @returns {Promise<string>} */
function pictureOf(sha) {
  let found = pictures.get(sha);
  if (!found) {
    found = ask(`/dispatch/v1/media/${sha}`, { headers: headers(), as: "blob", limit_ms: 60_000 }).then((blob) => URL.createObjectURL(blob));
    pictures.set(sha, found);
  }
  return found;
}

/** @param {Job} job @param {string} state */
function drawActs(job, state) {
  const { report } = job;
  const step = (/** @type {string} */ to, main = true) => make("button", { type: "button", class: main ? "main" : "plain", "data-act": to, onclick: () => progress(job.assignment.id, to) }, t(`act.${to}`));
  const no = make("button", { type: "button", class: "plain", "data-act": "refused", onclick: () => byId("refuse").showModal() }, t("act.refused"));
  /** @type {Node[]} */
  let acts = [];
  if (state === "dispatched") acts = [no, step("acknowledged")];
  else if (state === "acknowledged") acts = [no, step("en_route")];
  else if (state === "en_route") acts = [no, step("on_scene")];
  else if (state === "on_scene") {
    const ready = !job.needs_proof || deeds.ahead(asOf).some((one) => one.report === report.id && one.data.role === "after");
    const done = ready ? step("done") : make("button", { type: "button", class: "plain", "data-act": "done", disabled: true }, t("act.needs_after"));
    const halted = unitState() === "unavailable";
    const halt = make("button", { type: "button", class: "plain", "data-act": "stuck", onclick: () => (halted ? own("available") : byId("stuck").showModal()) }, t(halted ? "act.unstuck" : "act.stuck"));
    acts = [halt, camera(job, "before", false), camera(job, "after", !ready), done];
  }
  const place = byId("acts");
  const now = `${job.assignment.id}:${acts.map((one) => one.textContent + /** @type {any} */ (one).className).join()}`;
  byId("bottom").hidden = !acts.length;
  if (place.dataset.now !== now) {
    place.dataset.now = now;
    fill(place, ...acts);
    deafAtFirst(place.children); // whoever taps now means what stood here before
  }
}

/** @param {Job} job @param {string} role @param {boolean} main */
function camera(job, role, main) {
  const report = job.report.id;
  const input = /** @type {HTMLInputElement} */ (make("input", { type: "file", accept: "image/*", capture: "environment", "data-photo": role }));
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    say("");
    let blob;
    try {
      blob = await shrink(file);
    } catch {
      return say(t("job.unreadable"));
    }
    const place = here ? { lat: here.lat, lon: here.lon } : {};
    await keep(report, "photo", { sha256: await sha256(blob), role, size: blob.size, taken: serverNow().toISOString(), unit: known?.unit.id, ...place }, null, blob);
  });
  return make("label", { class: main ? "file main" : "file" }, input, make("span", {}, t(`act.${role}`)));
}

// What the crew does

/**
 * Whether this phone has it now; the sending goes on by itself.
 * @param {string | null} report @param {string} kind @param {Record<string, any>} data @param {number | null} version @param {Blob | null} [blob] @param {string | null} [job]
 */
async function keep(report, kind, data, version, blob = null, job = null) {
  say("");
  try {
    await deeds.add(report, kind, data, version, blob, job);
  } catch {
    say(t("fault.unkept"));
    return false;
  }
  deeds.send().then(refresh);
  return true;
}

/**
 * Whether this phone has the step now.
 * @param {string} id the assignment's @param {string} state @param {Record<string, string>} [more]
 */
async function progress(id, state, more = {}) {
  const job = known?.jobs.find((one) => one.assignment.id === id);
  if (!job || stepping) return false;
  stepping = true;
  try {
    return await keep(job.report.id, "progress", { unit: job.assignment.unit, state, ...more }, job.report.version, null, id);
  } finally {
    stepping = false;
  }
}

/** @param {Event} event */
async function refuse(event) {
  event.preventDefault();
  const job = current();
  byId("refuse").close();
  const reason = byId("reason").value.trim();
  if (job && reason && (await progress(job.assignment.id, "refused", { reason }))) clear("reason", reason);
}

/** The crew is there and cannot go on: its job stays until the control room takes it back. @param {Event} event */
async function stuck(event) {
  event.preventDefault();
  byId("stuck").close();
  const reason = byId("need").value.trim();
  if (known && reason && (await keep(null, "unit_state", { unit: known.unit.id, state: "unavailable", reason }, null))) clear("need", reason);
}

/** @param {Event} event */
async function note(event) {
  event.preventDefault();
  const job = current();
  const text = byId("note").value.trim();
  if (!job || !text || noting) return;
  noting = true;
  const kept = await keep(job.report.id, "note", { text }, null);
  noting = false;
  if (kept) clear("note", text);
}

/** Empty a field, unless something else was typed meanwhile. @param {string} field @param {string} text what is kept */
function clear(field, text) {
  if (byId(field).value.trim() === text) byId(field).value = "";
}

/** @param {{lat: number, lon: number}} one @param {{lat: number, lon: number}} other */
function metres(one, other) {
  const rad = Math.PI / 180;
  const h = Math.sin(((other.lat - one.lat) * rad) / 2) ** 2 + Math.cos(one.lat * rad) * Math.cos(other.lat * rad) * Math.sin(((other.lon - one.lon) * rad) / 2) ** 2;
  return 2 * 6_371_000 * Math.asin(Math.sqrt(h));
}
