// What a morph must not undo: an opened <details>, the field in use, and a form somebody has begun to fill in.
Idiomorph.defaults.ignoreActiveValue = true;
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
  !(name === "open" && node.localName === "details");
Idiomorph.defaults.callbacks.beforeNodeMorphed = (node) =>
  !(node.localName === "form" && node.dataset.begun === "yes");
document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form");
  if (form) form.dataset.begun = "yes";
});
