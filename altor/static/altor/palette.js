// The search box of the top bar: a dialog with results from the server, walked with the arrow keys.
export function start() {
  const dialog = document.getElementById("palette");
  const field = document.getElementById("palette-q");
  const list = document.getElementById("palette-results");
  if (!dialog || !field || !list) return;

  const links = () => [...list.querySelectorAll("a[href]")];
  const mark = (index) => {
    const all = links();
    all.forEach((link, position) => link.toggleAttribute("data-chosen", position === index));
    const chosen = all[index];
    if (chosen) { field.setAttribute("aria-activedescendant", chosen.id); chosen.scrollIntoView({ block: "nearest" }); }
    else field.removeAttribute("aria-activedescendant");
  };
  const chosen = () => links().findIndex((link) => link.hasAttribute("data-chosen"));

  for (const opener of document.querySelectorAll("[data-open-palette]")) {
    opener.addEventListener("click", (event) => { event.preventDefault(); dialog.showModal(); field.select(); });
  }
  field.addEventListener("keydown", (event) => {
    const count = links().length;
    if (event.key === "ArrowDown" && count) { event.preventDefault(); mark((chosen() + 1) % count); }
    else if (event.key === "ArrowUp" && count) { event.preventDefault(); mark((chosen() - 1 + count) % count); }
    else if (event.key === "Enter" && chosen() >= 0) { event.preventDefault(); location.assign(links()[chosen()].href); }
  });
  list.addEventListener("htmx:afterSwap", () => mark(links().length ? 0 : -1));
}
