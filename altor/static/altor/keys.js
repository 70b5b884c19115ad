// Keyboard: single keys outside of fields. The list in the help dialog is the same as here.
const GO = {};
for (const link of document.querySelectorAll("[data-go]")) GO[link.dataset.go] = link.href;

const typing = (node) => node?.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable=true]");
const dialogOpen = () => document.querySelector("dialog[open]");
let waiting = 0;

function rows() {
  return [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
}

function step(by) {
  const all = rows();
  if (!all.length) return;
  const now = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, now + by))];
  const target = next.matches("a, button, [tabindex]") ? next : next.querySelector("a, button, summary");
  target?.focus();
  next.scrollIntoView({ block: "nearest" });
}

// Buttons of a row answer to their key only while the row is in focus.
function pressInRow(name) {
  const target = document.activeElement?.closest("[data-row]")?.querySelector(`[data-rowkey="${name}"]`);
  if (!target || target.disabled) return false;
  target.click();
  return true;
}

function press(name) {
  const target = document.querySelector(`[data-key="${name}"]`);
  if (!target || target.disabled) return false;
  target.click();
  return true;
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
    if (key === "j") { event.preventDefault(); step(1); return; }
    if (key === "k") { event.preventDefault(); step(-1); return; }
    if (key === "?") { event.preventDefault(); document.getElementById("shortcuts")?.showModal(); return; }
    if (key === "q") {
      const details = document.activeElement?.closest("[data-row]")?.querySelector("details");
      if (details) { event.preventDefault(); details.open = !details.open; }
      return;
    }
    if (/^[a-z/]$/.test(key) && (pressInRow(key) || press(key))) event.preventDefault();
  });
}
