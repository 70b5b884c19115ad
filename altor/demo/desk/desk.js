// The host's side of the sidebar: it takes the draft and keeps the conversation fresh.
const { altor, ticket } = document.body.dataset;
const frame = document.getElementById("altor");
const text = document.getElementById("text");
const told = document.getElementById("told");

addEventListener("message", (event) => {
  if (event.origin !== altor || event.source !== frame.contentWindow) return;
  const said = event.data;
  if (!said || said.altor !== 1 || said.type !== "insert" || typeof said.text !== "string") return;
  text.value = text.value ? `${text.value}\n\n${said.text}` : said.text;
  text.focus();
  told.textContent = "Altor's draft was put in. Read it before you send it.";
  frame.contentWindow.postMessage({ altor: 1, type: "inserted" }, altor);
});

const thread = document.getElementById("thread");
async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(`/tickets/${encodeURIComponent(ticket)}/thread`);
    if (!answer.ok) return;
    const fresh = await answer.text();
    // Our own server escapes what it sends.
    if (fresh !== thread.dataset.last) {
      const page = new DOMParser().parseFromString(fresh, "text/html");
      thread.replaceChildren(...page.body.childNodes);
      thread.dataset.last = fresh;
    }
  } catch {
    // The demo was stopped: the next try tells.
  }
}
setInterval(refresh, 2500);
