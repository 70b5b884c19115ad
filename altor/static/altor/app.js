// Small behaviours of every page; all of them add to links, forms and native elements that work without them.
import { start as startPalette } from "./palette.js";
import { start as startKeys } from "./keys.js";

const root = document.documentElement;
const say = (text) => { const region = document.getElementById("said"); if (region) region.textContent = text; };

function theme() {
  const button = document.getElementById("theme");
  if (!button) return;
  const show = () => {
    const dark = root.dataset.bsTheme === "dark";
    button.setAttribute("aria-label", dark ? "Switch to light theme" : "Switch to dark theme");
    for (const icon of button.querySelectorAll("[data-for]")) icon.toggleAttribute("hidden", icon.dataset.for !== root.dataset.bsTheme);
  };
  button.addEventListener("click", () => {
    root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark";
    try { localStorage.setItem("altor-theme", root.dataset.bsTheme); } catch { /* not remembered, still switched */ }
    show();
  });
  show();
}

document.addEventListener("click", async (event) => {
  const copier = event.target.closest("[data-copy]");
  if (copier) {
    event.preventDefault();
    const source = copier.dataset.copyText === "yes" ? document.querySelector(copier.dataset.copy) : null;
    const text = copier.dataset.copy.startsWith("#")
      ? (source ? source.value ?? source.textContent : location.href.split("#")[0] + copier.dataset.copy)
      : copier.dataset.copy;
    if (source?.form?.elements.how) source.form.elements.how.value = "copied";
    try { await navigator.clipboard.writeText(text); say("Copied"); }
    catch { if (copier.hash) location.hash = copier.hash; say("Copying is not allowed here"); }
    return;
  }
  const closer = event.target.closest("[data-close]");
  if (closer) { closer.closest("dialog, [data-toast]")?.[closer.closest("dialog") ? "close" : "remove"](); return; }
  const opener = event.target.closest("[data-open-dialog]");
  if (opener) { document.getElementById(opener.dataset.openDialog)?.showModal(); return; }
  const chip = event.target.closest("[data-filter]");
  if (chip) filter(chip.dataset.filter);
  if (event.target.closest("[data-print]")) window.print();
});

// Evidence filter: the choice lives in the hash-free query string, so a pasted link shows the same view.
function filter(value) {
  const url = new URL(location.href);
  value ? url.searchParams.set("show", value) : url.searchParams.delete("show");
  history.replaceState(null, "", url);
  applyFilter();
}

function applyFilter() {
  const value = new URL(location.href).searchParams.get("show") ?? "";
  for (const chip of document.querySelectorAll("[data-filter]")) chip.setAttribute("aria-pressed", String(chip.dataset.filter === value));
  let shown = 0;
  const items = document.querySelectorAll("[data-kinds]");
  for (const item of items) {
    const fits = !value || item.dataset.kinds.split(" ").includes(value);
    item.toggleAttribute("hidden", !fits);
    shown += fits;
  }
  document.getElementById("evidence-none")?.toggleAttribute("hidden", shown > 0 || items.length === 0);
}

// Buttons in flight keep their label and say that they are busy; a form is not sent twice.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.target.dataset.sent === "yes") { event.preventDefault(); return; }
  if (event.target.method === "post") { event.target.dataset.sent = "yes"; button?.setAttribute("aria-busy", "true"); }
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[aria-busy=true]")) button.removeAttribute("aria-busy");
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
});
document.addEventListener("htmx:afterSettle", applyFilter);

theme();
applyFilter();
startPalette();
if (document.body.dataset.shortcuts === "on") startKeys();
