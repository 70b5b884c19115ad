// Runs before first paint; a file, not inline, so that the policy needs no nonce.
(() => {
  let theme;
  try { theme = localStorage.getItem("altor-theme"); } catch { /* storage refused: follow the system */ }
  if (theme !== "light" && theme !== "dark") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.dataset.bsTheme = theme;
})();
