// The playbook editor: saves the draft as it is typed, asks the server what is wrong with it, and never moves the cursor.
const text = document.getElementById("text");
const form = document.getElementById("text-form");
const gutter = document.getElementById("lines");
const place = document.getElementById("position");
const state = document.getElementById("saved");
const bar = document.getElementById("unsaved");
const WAIT_MS = 600;
const RETRY_MS = 8000;
const store = `altor-draft:${text.dataset.draft}`;

let saved = text.value;
let revision = form.revision.value;
let token = form.csrfmiddlewaretoken.value;
let timer = 0;
let under = null; // the save under way
let stopped = false; // another tab was faster: a person decides first

const dirty = () => text.value !== saved;
const status = (words, look) => { state.textContent = words; state.dataset.look = look; };

// ---------------------------------------------------------------------------------------------- kept in this browser
const keep = () => { try { localStorage.setItem(store, JSON.stringify({ revision, base: form.base.value, from: form.begun_from.value, text: text.value })); } catch { /* full or off */ } };
const forget = () => { try { localStorage.removeItem(store); } catch { /* off */ } };
function kept() {
  try { return JSON.parse(localStorage.getItem(store) ?? "null"); } catch { return null; }
}

// ------------------------------------------------------------------------------------------------------------ saving
async function post(force) {
  const fields = { text: text.value, revision, base: form.base.value, begun_from: form.begun_from.value };
  if (force) fields.force = "yes";
  return fetch(text.dataset.save, {
    method: "POST", body: new URLSearchParams(fields), redirect: "manual",
    headers: { "X-CSRFToken": token, Accept: "application/json" },
  });
}

async function freshToken() {
  const answer = await fetch(location.pathname, { redirect: "manual" });
  if (!answer.ok) return false;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#text-form [name=csrfmiddlewaretoken]");
  if (!found) return false;
  token = found.value;
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
  return true;
}

async function save(force) {
  const sent = text.value;
  status("Saving…", "busy");
  let answer;
  try {
    answer = await post(force);
    // Signed in again in another tab: the page's token is that of the session before.
    if (answer.status === 403 && await freshToken()) answer = await post(force);
  } catch {
    return failed("the server cannot be reached; it is tried again, and the text is kept in this browser", RETRY_MS);
  }
  if (answer.type === "opaqueredirect") return failed("you are signed out; sign in in another tab, the text is kept in this browser", RETRY_MS);
  let told = {};
  try { told = await answer.json(); } catch { /* no answer of ours */ }
  if (!answer.ok) {
    if (told.code === "draft_moved") { ask(`Not saved: ${told.error}.`); return false; }
    return failed(told.error ?? `the server answered ${answer.status}; the text is kept in this browser`, answer.status >= 500 ? RETRY_MS : 0);
  }
  saved = sent;
  seen(told.revision);
  if (!dirty()) forget();
  status(told.revision ? `Saved ${told.saved}` : "Nothing changed", "ok");
  document.getElementById("discard")?.toggleAttribute("hidden", !told.revision);
  globalThis.htmx?.trigger("#check", "look");
  return true;
}

function seen(number) { revision = String(number); form.revision.value = revision; }

function failed(why, again) {
  status(`Not saved: ${why}`, "bad");
  clearTimeout(timer);
  if (again) timer = setTimeout(flush, again);
  return false;
}

async function flush(force = false) {
  clearTimeout(timer);
  while (under) await under;
  if (stopped && !force) return false;
  if (!dirty() && force !== true) return true;
  under = save(force === true);
  const done = await under;
  under = null;
  if (done && dirty()) later();
  return done;
}

function later() {
  keep();
  if (stopped) return;
  if (state.dataset.look !== "bad") status("Not saved yet", "busy");
  clearTimeout(timer);
  timer = setTimeout(flush, WAIT_MS);
}

function ask(why) {
  stopped = true;
  status("Not saved", "bad");
  document.getElementById("unsaved-why").textContent = `${why} Keep the text in this tab, or show what is saved?`;
  bar.hidden = false;
}
document.getElementById("unsaved-mine").addEventListener("click", async () => {
  stopped = false;
  if (await flush(true)) { bar.hidden = true; text.focus({ preventScroll: true }); }
});
document.getElementById("unsaved-theirs").addEventListener("click", () => { saved = text.value; forget(); location.reload(); });

// What leaves the page goes after the text is saved.
document.addEventListener("submit", async (event) => {
  const target = event.target;
  if (!(target === form || target.matches("[data-flush]")) || (!dirty() && !under)) return;
  event.preventDefault();
  event.stopPropagation();
  if (await flush() || target.id === "discard") {
    if (target.id === "discard") { saved = text.value; forget(); }
    target.requestSubmit(event.submitter);
  } else notYet();
}, true);
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-flush]");
  if (!link || (!dirty() && !under) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (await flush()) location.assign(link.href);
  else notYet();
});
function notYet() {
  (bar.hidden ? state : bar).scrollIntoView({ block: "center" });
  document.getElementById("said").textContent = "The text is not saved yet, so nothing was done.";
}
window.addEventListener("visibilitychange", () => { if (document.hidden) flush(); });
window.addEventListener("beforeunload", (event) => { if (dirty()) { keep(); event.preventDefault(); } });

// ------------------------------------------------------------------------------------------------- lines and problems
let counted = 0;
let marked = "";
function number() {
  const count = text.value.split("\n").length;
  const bad = [...document.querySelectorAll("[data-problem]")].map((link) => Number(link.dataset.line)).filter(Boolean);
  const mark = bad.join();
  if (count === counted && mark === marked) return;
  counted = count;
  marked = mark;
  const wrong = new Set(bad);
  const parts = [];
  let run = "";
  for (let line = 1; line <= count; line += 1) {
    if (!wrong.has(line)) { run += `${line}\n`; continue; }
    const node = document.createElement("b");
    node.textContent = `${line}\n`;
    parts.push(run, node);
    run = "";
  }
  gutter.replaceChildren(...parts, run);
  gutter.scrollTop = text.scrollTop;
}

function lineAt(offset) { return text.value.slice(0, offset).split("\n").length; }

function goTo(line) {
  if (!line) { text.focus(); return; }
  const before = text.value.split("\n").slice(0, line - 1);
  const start = before.reduce((sum, item) => sum + item.length + 1, 0);
  const end = text.value.indexOf("\n", start);
  text.focus({ preventScroll: true });
  text.setSelectionRange(start, end < 0 ? text.value.length : end);
  text.scrollTop = Math.max(0, (line - 1) * parseFloat(getComputedStyle(text).lineHeight) - text.clientHeight / 3);
  text.scrollLeft = 0;
  text.scrollIntoView({ block: "nearest" });
  where();
}

function where() {
  const at = text.selectionStart;
  const line = lineAt(at);
  place.textContent = `Line ${line}, column ${at - text.value.lastIndexOf("\n", at - 1)}`;
  const step = [...document.querySelectorAll("#outline-steps [data-from]")].filter((item) => Number(item.dataset.from) <= line).pop();
  const choice = document.getElementById("try-step");
  // The step under the cursor is the one to try, until a person chooses another.
  if (step && document.activeElement === text && [...choice.options].some((option) => option.value === step.dataset.step)) choice.value = step.dataset.step;
}

function nextProblem(back) {
  const lines = [...document.querySelectorAll("[data-problem]")].map((link) => Number(link.dataset.line)).filter(Boolean);
  if (!lines.length) return;
  const now = lineAt(text.selectionStart);
  const sorted = lines.sort((a, b) => a - b);
  goTo(back ? sorted.filter((line) => line < now).pop() ?? sorted[sorted.length - 1] : sorted.find((line) => line > now) ?? sorted[0]);
}

// The panel tells of the draft as it is now. A save that was under way when the page was opened may not be in its text.
function fresh() {
  const now = document.getElementById("check").dataset.revision;
  if (Number(now) <= Number(revision) || under || stopped) return;
  if (dirty()) ask("The draft was changed in another tab since.");
  else { forget(); location.reload(); }
}

function steps() {
  const items = [...document.querySelectorAll("#outline-steps [data-step]")].filter((item) => item.dataset.source !== "manual");
  const choice = document.getElementById("try-step");
  if (!document.getElementById("outline-steps")) return; // cannot be read just now: the last known stay
  const before = choice.value;
  choice.replaceChildren(...items.map((item) => new Option(item.dataset.title || item.dataset.step, item.dataset.step)));
  if (items.some((item) => item.dataset.step === before)) choice.value = before;
}

document.addEventListener("click", (event) => {
  const attempt = event.target.closest("a[data-try]");
  if (attempt) {
    event.preventDefault();
    document.getElementById("try-step").value = attempt.dataset.try;
    document.getElementById("try").scrollIntoView({ block: "nearest" });
    document.getElementById("try-about").focus();
    return;
  }
  const link = event.target.closest("a[data-line]");
  if (!link) return;
  event.preventDefault();
  goTo(Number(link.dataset.line));
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id === "check" || event.detail.elt?.id === "check") { number(); steps(); where(); fresh(); }
});
// Signed out meanwhile: what comes back is the login page, not an answer.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo } = event.detail;
  if (!xhr.responseURL || new URL(xhr.responseURL).pathname === new URL(pathInfo.requestPath, location.href).pathname) return;
  event.detail.shouldSwap = false;
  status("You are signed out; sign in in another tab", "bad");
});
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (event.detail.elt?.id !== "try-form") return;
    const code = event.detail.xhr?.status;
    document.getElementById("tried").textContent = code
      ? `The question was not asked: the server answered ${code}. Try again; reload the page if that does not help.`
      : "The question was not asked: the server cannot be reached.";
  });
}
document.addEventListener("htmx:afterRequest", (event) => {
  const sent = event.detail.elt;
  if (sent?.id !== "try-form") return;
  // The whole table would be read out: the first lines are enough.
  const words = [...document.querySelectorAll("#tried h3, #tried .al-pill, #tried .al-note, #tried strong")].slice(0, 3);
  document.getElementById("said").textContent = words.map((node) => node.textContent.trim()).join(", ");
  delete sent.dataset.sent;
  sent.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
});

// --------------------------------------------------------------------------------------------------------------- keys
// insertText keeps the browser's own undo; it also fires `input`.
function type(words) {
  if (!document.execCommand("insertText", false, words)) {
    text.setRangeText(words, text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input"));
  }
}

function indent(out) {
  const { value, selectionStart: start, selectionEnd: end } = text;
  const first = value.lastIndexOf("\n", start - 1) + 1;
  if (start === end && !out) { type(" ".repeat(2 - ((start - first) % 2))); return; }
  const last = end > start && value[end - 1] === "\n" ? end - 1 : end;
  const stop = value.indexOf("\n", last);
  const until = stop < 0 ? value.length : stop;
  const lines = value.slice(first, until).split("\n");
  const moved = lines.map((line) => (out ? line.replace(/^ {1,2}|^\t/, "") : line && `  ${line}`)).join("\n");
  if (moved === lines.join("\n")) return;
  text.setSelectionRange(first, until);
  type(moved);
  if (start === end) {
    const at = Math.max(first, start - (lines[0].length - moved.split("\n")[0].length));
    text.setSelectionRange(at, at);
  } else text.setSelectionRange(first, first + moved.length);
}

text.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Tab" && !event.ctrlKey && !event.altKey && !event.metaKey) { event.preventDefault(); indent(event.shiftKey); }
  else if (event.key === "Escape") { event.preventDefault(); document.getElementById("problems-h")?.focus(); }
  else if (event.key === "Enter" && !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey) {
    const line = text.value.slice(text.value.lastIndexOf("\n", text.selectionStart - 1) + 1, text.selectionStart);
    const deeper = /(?::|[|>])\s*$/.test(line) ? "  " : "";
    event.preventDefault();
    type(`\n${line.match(/^ */)[0]}${deeper}`);
  }
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") { event.preventDefault(); flush(); }
  else if (event.key === "F8") { event.preventDefault(); nextProblem(event.shiftKey); }
});
text.addEventListener("input", () => { later(); number(); where(); });
text.addEventListener("scroll", () => { gutter.scrollTop = text.scrollTop; }, { passive: true });
document.addEventListener("selectionchange", () => { if (document.activeElement === text) where(); });

// -------------------------------------------------------------------------------------------------------------- begin
const before = kept();
if (before && before.text !== text.value) {
  const shown = text.value;
  text.value = before.text;
  if (String(before.revision) === revision) {
    // A draft that was never saved is still one of the version it was begun from, whatever is in force by now.
    if (revision === "0") { form.base.value = before.base ?? ""; form.begun_from.value = before.from ?? ""; }
    later();
  }
  else { saved = shown; ask("This browser holds text that was not saved, and the draft was changed elsewhere since."); }
} else forget();
number();
steps();
setTimeout(() => { if (!dirty() && !under) globalThis.htmx?.trigger("#check", "look"); }, 800);
const asked = /^#line-(\d+)$/.exec(location.hash);
if (asked) goTo(Number(asked[1]));
where();
