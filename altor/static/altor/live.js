// Live pages: polls pause while the tab is hidden, slow down on a long run, and say so when the server is away.
const SLOW_AFTER_MS = 60_000;
const SLOW_EVERY = 3;
let failures = 0;
let polls = 0;
const began = Date.now();

const bar = () => document.getElementById("connection");

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt?.id !== "live") return;
  polls += 1;
  const slow = Date.now() - began > SLOW_AFTER_MS && polls % SLOW_EVERY !== 0;
  if (document.hidden || slow) event.preventDefault();
});

for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (event.detail.elt?.id !== "live") return;
    failures += 1;
    if (failures >= 2 && bar()) bar().hidden = false;
  });
}
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt?.id !== "live" || !event.detail.successful) return;
  failures = 0;
  if (bar()) bar().hidden = true;
});
