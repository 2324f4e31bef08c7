// Long work: asks how far it is, moves the bar, and loads the page anew when the state changes.
// The answer is {"state": "...", "done": n, "total": n, "text": "..."}.

const PATIENCE_MS = 1000;
const SLOWEST_MS = 15000;

async function watch(box) {
  const bar = box.querySelector("progress");
  const text = box.querySelector("[data-progress-text]");
  let wait = PATIENCE_MS;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (document.hidden) continue;
    try {
      const answer = await fetch(box.dataset.progress, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const now = await answer.json();
      if (now.state !== box.dataset.state) {
        location.reload();
        return;
      }
      if (bar && now.total > 0) {
        bar.max = now.total;
        bar.value = now.done;
      }
      if (text) text.textContent = now.text;
      wait = PATIENCE_MS;
    } catch {
      // The service is away for a moment: ask less and less often, the page itself stays true.
      wait = Math.min(wait * 2, SLOWEST_MS);
    }
  }
}

export function watchProgress(root) {
  for (const box of root.querySelectorAll("[data-progress]")) watch(box);
}
