// The sidebar. It keeps its token in this module and nowhere else, reads one call, and builds what it shows out of text
// nodes. It hears its host only from a configured origin, and tells it the height, and a reply that a person inserts.
const root = document.documentElement;
const view = document.getElementById("view");
const bar = document.getElementById("bar");
const boot = JSON.parse(document.getElementById("boot").textContent);
const framed = window.parent !== window;

const FAST_MS = 1000;
const SLOW_MS = 3000;
const SLOW_AFTER_MS = 60_000;
const IDLE_MS = 60_000;
const RENEW_BEFORE_MS = 90_000;
const ACK_MS = 900;
const SECOND_CLICK_AFTER_MS = 400;

let session = null; // {token, until, renewUntil, ticket, bound, viewer}
let told = { ticket: boot.ticket, agent: "" }; // what the host says: a selection, never a right
let doc = null;
let etag = "";
let mode = "loading";
let notice = null; // {look, text}
let question = null; // {text, verb, act, since}: the second click of a write
let judging = false;
let pairing = null; // {code, url, poll, until}
let trouble = 0;
let timer = 0;
let renewal = 0;
let lastAsked = 0;
let liveSince = 0;
let hostOrigin = "";

// ------------------------------------------------------------------------------------------- what the address held
const hash = new URLSearchParams(location.hash.slice(1));
const key = hash.get("k") || "";
if (hash.get("ticket")) told.ticket = hash.get("ticket");
// Neither a key nor a signature stays in the address, where history and copying would keep it.
const STAY = ["theme", "origin", "app_guid"]; // the latter two are Zendesk's, and no secret
const kept = new URLSearchParams([...new URLSearchParams(location.search)].filter(([name]) => STAY.includes(name)));
history.replaceState(null, "", location.pathname + (kept.size ? `?${kept}` : ""));

// ---------------------------------------------------------------------------------------------------- building blocks
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (attribute === "onclick") node.addEventListener("click", value);
    else node.setAttribute(attribute, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function icon(name, label = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", name === "loader-2" ? "al-i al-spin" : "al-i");
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${root.dataset.icons}#i-${name}`);
  svg.append(use);
  return svg;
}

// Addresses come out of data: only what a browser may open as a page.
function link(url, attributes, ...children) {
  const isPage = typeof url === "string" && /^https?:\/\//.test(url);
  return isPage
    ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer", ...attributes }, ...children)
    : el("span", { ...attributes, "data-key": null }, ...children);
}

function button(text, act, { look = "", name = "", glyph = "", ...rest } = {}) {
  return el("button", { type: "button", class: `btn ${look}`.trim(), "data-key": name || text, onclick: act, ...rest },
    glyph ? icon(glyph) : "", text);
}

function say(text) {
  const said = document.getElementById("said");
  if (said.textContent !== text) said.textContent = text;
}

const note = (look, glyph, ...children) => el("div", { class: `note ${look}` }, icon(glyph), el("div", {}, ...children));
const words = (text, attributes = {}) => el("p", { dir: "auto", ...attributes }, text);

// ------------------------------------------------------------------------------------------------------------- asking
class Refused extends Error {
  constructor(kind, { text = "", wait = 0 } = {}) {
    super(text || kind);
    Object.assign(this, { kind, text, wait });
  }
}

async function ask(method, path, { body, headers = {} } = {}) {
  let answer;
  try {
    answer = await fetch(root.dataset.api + path, {
      method,
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      headers: {
        Accept: "application/json",
        ...(session ? { Authorization: `Widget ${session.token}` } : {}),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused("offline");
  }
  if (answer.status === 204 || answer.status === 304) return { answer, data: null };
  const data = await answer.json().catch(() => ({}));
  if (answer.ok) return { answer, data };
  const text = typeof data.detail === "string" ? data.detail : "";
  if (answer.status === 401) throw new Refused("expired", { text });
  if (answer.status === 429) throw new Refused("limited", { wait: Number(answer.headers.get("Retry-After")) || 5 });
  if (answer.status === 403 || answer.status === 404) throw new Refused("forbidden", { text });
  throw new Refused(answer.status >= 500 ? "offline" : "refused", { text });
}

const ticketPath = (rest = "") =>
  `${encodeURIComponent(boot.helpdesk)}/${encodeURIComponent(session.ticket)}/${rest}?connection=${encodeURIComponent(boot.connection)}`;

function take(given) {
  session = {
    token: given.token, until: Date.now() + given.expires_in * 1000, renewUntil: Date.parse(given.renew_until),
    ticket: given.ticket, bound: given.is_bound, viewer: given.viewer,
  };
  clearTimeout(renewal);
  renewal = setTimeout(renew, Math.max(1000, session.until - Date.now() - RENEW_BEFORE_MS));
}

async function renew() {
  try {
    if (Date.now() > session.renewUntil) throw new Refused("expired");
    take((await ask("POST", "token/", { body: {} })).data);
  } catch (error) {
    if (error.kind === "expired") end();
    else renewal = setTimeout(renew, 15_000);
  }
}

function end() {
  clearTimeout(renewal);
  clearTimeout(timer);
  session = null;
  show("expired");
}

const whereabouts = () => ({
  helpdesk: boot.helpdesk, connection: boot.connection, ticket: told.ticket, agent: told.agent,
});

async function launch() {
  show("loading");
  try {
    take((await ask("POST", "launch/", { body: { ...whereabouts(), key } })).data);
    await open();
  } catch (error) {
    if (error.kind === "expired") show("refused");
    else failed(error, launch);
  }
}

// The ticket that the host has open now: of the same connection, and the server looks again who may see it.
async function follow() {
  if (!session || !told.ticket || told.ticket === session.ticket) return;
  if (session.bound) return show("other");
  try {
    take((await ask("POST", "token/", { body: { ticket: told.ticket, agent: told.agent } })).data);
    await open();
  } catch (error) {
    failed(error, follow);
  }
}

async function open() {
  [doc, etag, notice, question, judging, trouble] = [null, "", null, null, false, 0];
  if (!session.ticket && told.ticket) return follow();
  if (!session.ticket) return show("waiting");
  show("loading");
  return refresh();
}

async function refresh() {
  clearTimeout(timer);
  if (!session?.ticket) return;
  lastAsked = Date.now();
  const asked = session.ticket;
  const isLive = doc && (doc.state === "queued" || doc.state === "running");
  try {
    const path = ticketPath() + (isLive ? `&version=${encodeURIComponent(doc.run.version)}` : "");
    const { answer, data } = await ask("GET", path, { headers: etag && !isLive ? { "If-None-Match": etag } : {} });
    if (session?.ticket !== asked) return; // the host went on to another ticket meanwhile
    trouble = 0;
    if (notice?.passing) notice = null;
    if (data) {
      etag = answer.headers.get("ETag") || "";
      replace(data);
    } else if (mode !== "doc") show("doc");
    else draw();
  } catch (error) {
    if (session?.ticket === asked) failed(error, refresh);
    return;
  }
  later();
}

function replace(data) {
  const before = doc;
  doc = data;
  const isLive = doc.state === "queued" || doc.state === "running";
  if (isLive && !liveSince) liveSince = Date.now();
  if (!isLive) liveSince = 0;
  if (!before || before.state !== doc.state) say(STATES[doc.state]?.[1] || "");
  else if (isLive && before.run.progress.current !== doc.run.progress.current) say(doc.run.progress.current);
  show("doc");
}

function later(ms) {
  clearTimeout(timer);
  if (document.hidden) return; // looked at again when it is seen
  const isLive = doc && (doc.state === "queued" || doc.state === "running");
  const pace = isLive ? (Date.now() - liveSince > SLOW_AFTER_MS ? SLOW_MS : FAST_MS) : IDLE_MS;
  timer = setTimeout(refresh, ms ?? pace);
}

function failed(error, again) {
  trouble += 1;
  const wait = error.kind === "limited" ? error.wait : Math.min(30, 2 ** trouble);
  if (error.kind === "expired") return end();
  if (error.kind === "forbidden") return show("forbidden");
  if (error.kind === "refused") {
    notice = { look: "bad", text: error.text || "That did not work." };
    return doc ? draw() : show("trouble");
  }
  const text = error.kind === "limited"
    ? `Too many requests. Trying again in ${wait} s.`
    : doc ? "Live updates paused, retrying" : "Altor cannot be reached. Trying again.";
  if (doc) notice = { look: "warn", text, passing: true };
  else notice = null;
  if (doc) draw();
  else show(error.kind === "limited" ? "limited" : "offline", text);
  clearTimeout(timer);
  timer = setTimeout(again, wait * 1000);
}

async function write(path, body, done) {
  question = null;
  const random = crypto.getRandomValues(new Uint8Array(16));
  const once = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  for (const one of bar.querySelectorAll("button")) one.disabled = true;
  try {
    const { data } = await ask("POST", ticketPath(path), { body, headers: { "Idempotency-Key": once } });
    notice = done ? { look: "", text: done } : null;
    if (done) say(done);
    etag = "";
    replace(data);
    later();
  } catch (error) {
    if (error.kind === "expired") return end();
    notice = { look: error.kind === "limited" ? "warn" : "bad", text: ({
      limited: `Too many requests. Try again in ${error.wait} s.`, offline: "Altor cannot be reached. Nothing was done.",
      forbidden: error.text || "You may not do this.",
    })[error.kind] || error.text };
    say(notice.text);
    draw();
  }
}

// -------------------------------------------------------------------------------------------------------- the host
function origins() {
  const ancestor = location.ancestorOrigins?.[0] || (document.referrer ? new URL(document.referrer).origin : "");
  if (hostOrigin) return [hostOrigin];
  return boot.origins.includes(ancestor) ? [ancestor] : boot.origins.slice(0, 1);
}

// Zendesk opens this page itself: its framework then runs in it, and speaks through this very window.
const inside = root.dataset.inside === "yes";

function tell(message) {
  if (inside) window.postMessage(message, location.origin);
  else if (framed) for (const origin of origins()) window.parent.postMessage(message, origin);
}

window.addEventListener("message", (event) => {
  const isOurs = inside && event.source === window && event.origin === location.origin;
  const isHost = framed && event.source === window.parent && boot.origins.includes(event.origin);
  if (!isOurs && !isHost) return;
  if (isHost) hostOrigin = event.origin;
  const message = read(event.data);
  if (message) heard(message);
});

// Ours is an object; Chatwoot sends JSON as text, among messages of others.
function read(data) {
  if (typeof data === "string") {
    if (boot.helpdesk !== "chatwoot" || data.length > 2_000_000) return null;
    let said;
    try {
      said = JSON.parse(data);
    } catch {
      return null;
    }
    const id = said?.event === "appContext" ? said.data?.conversation?.id : undefined;
    return id === undefined || id === null ? null : { type: "context", ticket: id, agent: said.data.currentAgent?.name };
  }
  return data && typeof data === "object" && data.altor === 1 ? data : null;
}

let acknowledged = null;

function heard(message) {
  if (message.type === "inserted" && acknowledged) return acknowledged();
  if (message.type !== "context") return;
  const agent = typeof message.agent === "string" ? message.agent : message.agent?.name;
  const ticket = typeof message.ticket === "number" || typeof message.ticket === "string" ? String(message.ticket) : "";
  if (!/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/.test(ticket)) return;
  told = { ticket, agent: typeof agent === "string" ? agent.slice(0, 80) : "" };
  if (session) follow();
  else if (mode === "waiting" || mode === "sign-in") draw();
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without the frame's permission for the clipboard, the older way still works inside a click.
    const area = el("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1", readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    const worked = document.execCommand("copy");
    area.remove();
    return worked;
  }
}

async function insert() {
  const text = doc.reply.text;
  const canAsk = inside || (framed && boot.helpdesk !== "chatwoot");
  const inserted = canAsk && await new Promise((resolve) => {
    const wait = setTimeout(() => resolve(false), ACK_MS);
    acknowledged = () => {
      clearTimeout(wait);
      resolve(true);
    };
    tell({ altor: 1, type: "insert", text });
  });
  acknowledged = null;
  if (inserted) return report("Inserted into your reply. Read it before you send it.");
  const worked = await copy(text);
  if (!canAsk) return copied(worked, "This helpdesk cannot take it.");
  // Not every host answers: whoever does not find it in the editor can still paste it.
  return report(`Handed to your reply editor. If it is not there, ${worked ? "paste it: it is copied too" : "copy it below"}.`);
}

function copied(worked, why = "") {
  report(`${why} ${worked ? "Copied: paste it into your reply." : "Select the draft and copy it."}`.trim(), worked ? "" : "warn");
}

function report(text, look = "") {
  notice = { look, text };
  say(text);
  draw();
}

// ------------------------------------------------------------------------------------------------------------ pairing
async function pair() {
  try {
    const { data } = await ask("POST", "pair/", { body: whereabouts() });
    pairing = { ...data, until: Date.now() + data.expires_in * 1000 };
    show("pairing");
    say(`Code ${data.code}`);
    timer = setTimeout(claim, 2000);
  } catch (error) {
    if (error.kind === "expired") show("refused");
    else failed(error, pair);
  }
}

async function claim() {
  if (!pairing) return;
  if (Date.now() > pairing.until) {
    pairing = null;
    return show("sign-in");
  }
  let wait = 2000;
  try {
    const { data } = await ask("POST", "pair/claim/", { body: { poll: pairing.poll } });
    if (data && pairing) {
      pairing = null;
      clearTimeout(timer);
      take(data);
      return open();
    }
  } catch (error) {
    wait = error.kind === "limited" ? error.wait * 1000 : 5000;
  }
  timer = setTimeout(claim, wait);
}

function stopPairing() {
  pairing = null;
  clearTimeout(timer);
  if (session) {
    show(doc ? "doc" : "loading");
    refresh();
  } else show("sign-in");
}

function reload() {
  tell({ altor: 1, type: "reload" });
  if (key) launch();
  else location.replace(`${location.pathname}?${new URLSearchParams([...kept, ["ticket", told.ticket]])}`);
}

// ----------------------------------------------------------------------------------------------------------- drawing
const STATES = {
  none: ["circle-dashed", "Not investigated", ""],
  queued: ["circle-dashed", "Queued", ""],
  running: ["loader-2", "Running", "running"],
  done: ["check", "Diagnosed", "done"],
  failed: ["x", "Failed", "failed"],
  cancelled: ["ban", "Cancelled", ""],
};
const SOURCES = {
  clickhouse: ["database", "ClickHouse"], github: ["git-commit", "GitHub"], linear: ["bug", "Linear"],
  stripe: ["credit-card", "Stripe"], statuspage: ["world", "Status page"], manual: ["user", "A person"],
  knowledge: ["book", "Knowledge base"],
};
const VERDICTS = { abnormal: ["Breach", "bad"], normal: ["Within", "ok"], inconclusive: ["Unknown", ""] };

function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
}

function pill(glyph, text, look) {
  return el("span", { class: look ? `al-pill al-pill--${look}` : "al-pill" }, icon(glyph), el("span", {}, text));
}

function show(next, text = "") {
  mode = next;
  if (next !== "doc") stateText = text;
  draw();
}
let stateText = "";

// Whole again each time; what had the focus, and what was being written, stays.
function draw() {
  const active = document.activeElement?.dataset?.key;
  const typed = document.getElementById("cause-was")?.value ?? "";
  const [main, actions] = mode === "doc" && doc ? documentShown() : plain();
  view.replaceChildren(...main.filter(Boolean));
  view.setAttribute("aria-busy", String(mode === "loading"));
  const confirm = question ? confirming() : null;
  const shown = confirm || actions.filter(Boolean);
  bar.replaceChildren(...shown);
  bar.hidden = shown.length === 0;
  const area = document.getElementById("cause-was");
  if (area) area.value = typed;
  if (active) document.querySelector(`[data-key="${CSS.escape(active)}"]`)?.focus();
  document.title = `${view.querySelector("h1")?.textContent || "Altor"} · Altor`;
}

function plain() {
  const heading = (text) => el("h1", {}, text);
  const signIn = button("Sign in", pair, { look: "p", name: "sign-in", glyph: "login-2" });
  const page = (glyph, label, look, title, text, ...actions) => [
    [el("div", { class: "row" }, pill(glyph, label, look)), heading(title), words(text)], actions,
  ];
  switch (mode) {
    case "loading":
      return [[el("div", { class: "row" }, pill("loader-2", "Loading", "running")), heading("Loading")], []];
    case "waiting":
      return page("ticket", "No ticket", "", "Which ticket?", "Open a ticket in your helpdesk: the sidebar follows it.");
    case "sign-in":
      return page("user-circle", "Not signed in", "", "Sign in to act as yourself",
        "Your helpdesk does not tell Altor who you are. A code appears here; you confirm it in Altor, in a new tab.", signIn);
    case "pairing":
      return [[
        el("div", { class: "row" }, pill("loader-2", "Waiting for you", "running")),
        heading("Confirm this code in Altor"),
        el("p", { class: "code", "aria-label": `Code ${pairing.code}` }, pairing.code),
        words("Open Altor, compare the code, confirm. This sidebar goes on by itself. The code holds for five minutes."),
      ], [
        link(new URL(pairing.url, location.href).href, { class: "btn p", "data-key": "confirm-in-altor" },
          icon("external-link"), "Open Altor"),
        button("Cancel", stopPairing),
      ]];
    case "refused":
      return page("lock", "Refused", "failed", "This sidebar cannot be opened",
        "Open the ticket again. If that does not help, ask an administrator of Altor, or sign in.", signIn);
    case "expired":
      return page("clock", "Ended", "warn", "This sidebar has ended",
        "It was open for too long, or its access was taken away.", button("Reload the sidebar", reload, { look: "p", glyph: "reload" }));
    case "other":
      return page("ticket", "Another ticket", "warn", "Another ticket is open",
        "This sidebar was opened for one ticket only.", button("Reload the sidebar", reload, { look: "p", glyph: "reload" }));
    case "forbidden":
      return page("lock", "No access", "warn", "You cannot see this ticket",
        "It belongs to a team you are not in. A lead or an administrator can change that.",
        session && !session.viewer.is_known ? signIn : null);
    case "limited":
      return page("clock", "Slowed down", "warn", "Too many requests", stateText);
    case "offline":
      return page("plug-connected", "Offline", "warn", "Altor cannot be reached", "It is tried again by itself.",
        button("Try again", () => (session ? refresh() : start()), { glyph: "reload" }));
    default:
      return page("alert-triangle", "Trouble", "failed", "That did not work", notice?.text || "",
        button("Reload the sidebar", reload, { look: "p", glyph: "reload" }));
  }
}

function documentShown() {
  const [glyph, label, look] = STATES[doc.state] || ["question-mark", doc.state, ""];
  const took = doc.state === "done" && doc.run.seconds !== null ? ` · ${duration(doc.run.seconds)}` : "";
  const severity = doc.run?.severity ? doc.run.severity.toUpperCase().replace("SEV", "").trim() : "";
  const row = el("div", { class: "row" }, pill(glyph, label + took, look),
    severity ? el("span", { class: "al-sev" }, `SEV ${severity}`) : "");
  if (!doc.ticket) return unknown(row);
  const about = [doc.ticket.ref, doc.ticket.customer].filter(Boolean).join(" · ");
  const main = [
    row,
    el("h1", { dir: "auto" }, doc.ticket.subject || doc.ticket.ref),
    words(about, { class: "al-dim" }),
    doc.incident && incident(),
    doc.on_call && onCall(),
    notice && note(notice.look, notice.look ? "alert-triangle" : "info-circle", words(notice.text)),
    doc.state === "none" && words("No investigation yet."),
    (doc.state === "queued" || doc.state === "running") && progress(),
    doc.state === "failed" && note("bad", "alert-triangle", words(doc.run.failure || "The investigation failed.")),
    doc.state === "cancelled" && words("Somebody stopped the investigation."),
    doc.lines.length > 0 && lines(),
    doc.checked && words(doc.checked.text, { class: doc.checked.unavailable.length ? "checked part" : "checked" }),
    evidence(),
    doc.state === "done" && similar(),
    doc.reply && reply(),
    doc.escalation && escalation(),
    doc.handoff && handoff(),
    doc.questions && questions(),
    doc.actions.feedback && feedback(),
    more(),
  ];
  return [main, actions()];
}

function onCall() {
  const { owns, who, detail, url } = doc.on_call;
  return el("p", { class: "al-dim" }, `${owns}: `, link(url, { "data-key": "on-call" }, who), detail ? ` ${detail}` : "");
}

function incident() {
  const { ref, text, url } = doc.incident;
  return note("warn", "alert-triangle", el("span", { dir: "auto" }, `${text} `, link(url, { "data-key": "incident" }, ref ? `Open ${ref}` : "Declare it")));
}

function unknown(row) {
  const text = doc.may_create
    ? "Altor can read it from your helpdesk and investigate it."
    : "It comes with the helpdesk's next event about it.";
  const begin = doc.may_create && button("Investigate", () => secondClick("Read this ticket and investigate it?", "Investigate",
    () => write("start/", undefined, "")), { look: "p", glyph: "player-play" });
  return [[row, el("h1", {}, "Altor does not know this ticket yet"), words(text),
    notice && note(notice.look, notice.look ? "alert-triangle" : "info-circle", words(notice.text)), more()], [begin]];
}

function progress() {
  const { done, total, current } = doc.run.progress;
  const at = total ? `Step ${Math.min(done + 1, total)} of ${total}` : "Starting";
  return el("section", {}, el("h2", {}, "Investigation"),
    el("progress", { value: total ? done : null, max: total || 1, "aria-label": "Steps done" }),
    words([at, current].filter(Boolean).join(" · "), { class: "al-dim" }));
}

function squares(confidence) {
  const lit = Math.max(1, Math.min(5, Math.round(confidence * 5)));
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 52 8");
  svg.setAttribute("aria-hidden", "true");
  for (let index = 0; index < 5; index += 1) {
    const square = document.createElementNS(ns, "rect");
    const shape = { class: index < lit ? "on" : "off", x: index * 11, y: 0, width: 8, height: 8, rx: 2 };
    for (const [name, value] of Object.entries(shape)) square.setAttribute(name, value);
    svg.append(square);
  }
  return svg;
}

function lines() {
  return el("section", { class: "lines", "aria-label": "Diagnosis" }, el("ul", {}, doc.lines.map((line) => {
    const [first, ...others] = line.evidence;
    const name = (ref) => `line-${line.key}-${ref.ref_id}`;
    const text = first
      ? link(first.url, { class: "said", dir: "auto", "data-key": name(first) }, line.text)
      : el("span", { class: "said", dir: "auto" }, line.text);
    const refs = others.length > 0 && el("span", { class: "refs" }, others.map((ref) =>
      link(ref.url, { "data-key": name(ref), "aria-label": `Evidence ${ref.ref_id} for ${line.lead}` }, ref.ref_id)));
    const sure = line.confidence !== null && el("span", { class: "al-conf", title: `${Math.round(line.confidence * 100)}%` },
      squares(line.confidence), `${line.band} confidence`);
    return el("li", { class: line.key === "cause" ? "cause" : null },
      el("span", { class: "lead" }, line.lead, sure || ""), text, refs || "");
  })));
}

function evidence() {
  if (!doc.evidence.length) return null;
  return el("section", {}, el("h2", {}, "Evidence"), el("ul", { class: "mini" }, doc.evidence.map((item) => {
    const [glyph, name] = SOURCES[item.source] || ["server", item.source];
    const [word, look] = VERDICTS[item.verdict] || ["", ""];
    return el("li", {}, el("span", { class: "s" }, icon(glyph, name)),
      link(item.url, { dir: "auto", "data-key": `evidence-${item.ref_id}` }, item.summary),
      word ? el("span", { class: `v ${look}`.trim() }, word) : "");
  })));
}

// A part: {text, items: [{text, url, note, done}]}, whatever app above gives it.
function items(part) {
  if (!part.items?.length) return "";
  return el("ul", { class: "mini check" }, part.items.map((item) => {
    const mark = item.done === true ? el("span", { class: "y" }, icon("check", "Present"))
      : item.done === false ? el("span", { class: "n" }, icon("alert-triangle", "Missing"))
      : el("span", { class: "s" }, icon("book"));
    const name = link(item.url, { dir: "auto" }, item.text ?? "");
    // What helped is said at once only of what was recognised: of what is near it would be a guess.
    const told = item.done && item.summary ? el("div", {}, name, words(item.summary, { class: "al-dim" })) : name;
    return el("li", {}, mark, told, item.note ? el("span", { class: "v" }, item.note) : "");
  }));
}

function similar() {
  const part = doc.similar;
  return el("section", {}, el("h2", {}, part?.title || "Similar solved cases"),
    part?.text ? words(part.text) : "", part ? items(part) : words("None yet.", { class: "al-dim" }));
}

function escalation() {
  const part = doc.escalation;
  return el("section", {}, el("h2", {}, part.title || "Escalation"), part.text ? words(part.text) : "", items(part));
}

function handoff() {
  const { title, text, url } = doc.handoff;
  return el("section", {}, el("h2", {}, title), el("p", { dir: "auto" }, `${text} `, link(url, { "data-key": "handoff" }, "Open the handoff")));
}

function questions() {
  const { title, items: asked } = doc.questions;
  return el("section", {}, el("h2", {}, title), el("ul", { class: "mini check" }, asked.map((item) => el("li", {},
    item.is_open ? el("span", { class: "n" }, icon("message-question", "Open")) : el("span", { class: "y" }, icon("check", "Answered")),
    el("div", {}, link(item.url, { dir: "auto", "data-key": item.ref }, item.text), words(item.said)),
    item.note ? el("span", { class: "v" }, item.note) : ""))));
}

function reply() {
  const { text, gate } = doc.reply;
  const closed = gate.open ? null : note("warn", "lock",
    words(gate.missing.length ? `Needed before a reply: ${gate.missing.join(", ")}` : "The steps before a reply have not run."));
  return el("section", {}, el("h2", {}, "Reply draft"),
    el("div", { class: "draft", dir: "auto", tabindex: "0", role: "region", "aria-label": "Reply draft", "data-key": "draft" }, text),
    closed, doc.actions.insert
      ? el("div", { class: "buttons" }, button("Copy", async () => copied(await copy(text)), { glyph: "copy" })) : "");
}

function feedback() {
  const judge = (body) => write("feedback/", body, "Thank you: it is recorded.");
  if (judging) {
    return el("section", {}, el("label", { for: "cause-was" }, "What was it really?"),
      el("textarea", { id: "cause-was", maxlength: "2000", "data-key": "cause-was" }),
      el("div", { class: "buttons" }, button("Record", () => {
        const comment = document.getElementById("cause-was").value.trim();
        if (!comment) return document.getElementById("cause-was").focus();
        judging = false;
        return judge({ verdict: "corrected", comment });
      }, { look: "p" }), button("Cancel", () => {
        judging = false;
        draw();
      })));
  }
  return el("section", {}, el("h2", {}, "Was this the cause?"), el("div", { class: "buttons" },
    button("Yes", () => secondClick("Record that this was the cause?", "Record", () => judge({ verdict: "accepted" })), { glyph: "check" }),
    button("No", () => {
      judging = true;
      draw();
      document.getElementById("cause-was").focus();
    }, { glyph: "x" })));
}

function more() {
  const again = doc.actions.rerun && doc.state === "done" && button("Investigate again", rerun, { glyph: "refresh" });
  const who = doc.viewer.is_known
    ? words(`Signed in as ${doc.viewer.name}`, { class: "al-dim" })
    : [words(`${doc.viewer.name ? `${doc.viewer.name}, as your helpdesk says.` : "Not signed in."} Sign in to judge a diagnosis.`, { class: "al-dim" }),
      el("div", { class: "buttons" }, button("Sign in", pair, { name: "sign-in", glyph: "login-2" }))];
  return el("section", {}, el("h2", { class: "unseen" }, "More"), again ? el("div", { class: "buttons" }, again) : "", who);
}

const rerun = () => secondClick(`Investigate ${doc.ticket.ref} again?`, "Investigate", () => write("rerun/", undefined, ""));

function actions() {
  const openIn = (url) => link(url, { class: "btn", "data-key": "open" }, icon("external-link"), "Open in Altor");
  if (doc.state === "none") {
    return [doc.actions.start && button("Investigate", () => secondClick(`Investigate ${doc.ticket.ref}?`, "Investigate",
      () => write("start/", undefined, "")), { look: "p", glyph: "player-play" }), openIn(doc.ticket.url)];
  }
  if (doc.state === "done") {
    return [doc.actions.insert && button("Insert reply", insert, { look: "p", glyph: "message-2" }),
      doc.actions.escalate ? escalate() : openIn(doc.run.url)];
  }
  return [doc.actions.rerun && button("Investigate again", rerun, { look: "p", glyph: "refresh" }), openIn(doc.run.url)];
}

function escalate() {
  const { url, verb, severity, can_send: whole } = doc.escalation;
  const name = verb || "Escalate";
  return whole
    ? button(name, () => secondClick(`${name}: ${doc.ticket.ref}?`, name.split(" ")[0],
      () => write("escalate/", { severity, join: true }, "Engineering has it.")), { name: "escalate", glyph: "flag" })
    : link(url, { class: "btn", "data-key": "escalate" }, icon("flag"), name);
}

// A write takes a second click, in another place, not at once: a page around the frame cannot lure one click into it.
function secondClick(text, verb, act) {
  question = { text, verb, act, since: Date.now() };
  say(text);
  draw();
  bar.querySelector("[data-key=keep]")?.focus();
}

function confirming() {
  const { text, verb, act, since } = question;
  return [
    el("p", {}, text),
    button("Cancel", () => {
      question = null;
      draw();
    }, { name: "keep" }),
    button(verb, () => {
      if (Date.now() - since >= SECOND_CLICK_AFTER_MS) act();
    }, { look: "p", name: "confirmed" }),
  ];
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !(question || judging)) return;
  [question, judging] = [null, false];
  draw();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (pairing) claim();
  else if (session && mode === "doc") later(Math.max(0, FAST_MS - (Date.now() - lastAsked)));
});
new ResizeObserver(() => tell({ altor: 1, type: "height", px: Math.ceil(view.getBoundingClientRect().height) })).observe(view);

// ----------------------------------------------------------------------------------------------------------- starting
function start() {
  if (boot.refused) return show("refused");
  if (boot.given) {
    const given = boot.given;
    boot.given = null;
    take(given);
    return open();
  }
  return key ? launch() : show("sign-in");
}

document.getElementById("boot").remove();
tell({ altor: 1, type: "ready" });
if (boot.helpdesk === "chatwoot") {
  for (const delay of [0, 800, 3000]) {
    setTimeout(() => {
      if (!told.ticket) tell("chatwoot-dashboard-app:fetch-info");
    }, delay);
  }
}
start();
