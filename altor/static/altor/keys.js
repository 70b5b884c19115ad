// Keyboard: single keys outside of fields. The list in the help dialog is the same as here.
const GO = {};
for (const link of document.querySelectorAll("[data-go]")) GO[link.dataset.go] = link.href;

const typing = (node) => node?.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable=true]");
const dialogOpen = () => document.querySelector("dialog[open]");
let waiting = 0;

function step(by) {
  const all = [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent);
  if (!all.length) return;
  const now = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, now + by))];
  const target = next.matches("a, button, [tabindex]") ? next : next.querySelector("a, button, summary");
  target?.focus();
  next.scrollIntoView({ block: "nearest" });
}

const focused = () => document.activeElement?.closest("[data-row]");

// A key of the row in focus comes before one of the page.
function press(name) {
  const target = focused()?.querySelector(`[data-rowkey="${name}"]`) ?? document.querySelector(`[data-key="${name}"]`);
  target?.click();
  return target;
}

export function start() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target) || dialogOpen()) return;
    const key = event.key;
    if (waiting && Date.now() - waiting < 1500) {
      waiting = 0;
      if (GO[key]) { event.preventDefault(); location.assign(GO[key]); }
      return;
    }
    if (key === "g") { waiting = Date.now(); return; }
    if (key === "j" || key === "k") { event.preventDefault(); step(key === "j" ? 1 : -1); return; }
    if (key === "?") { event.preventDefault(); document.getElementById("shortcuts")?.showModal(); return; }
    if (key === "q") {
      const details = focused()?.querySelector("details");
      if (details) { event.preventDefault(); details.open = !details.open; }
      return;
    }
    if (/^[a-z/]$/.test(key) && press(key)) event.preventDefault();
  });
}
