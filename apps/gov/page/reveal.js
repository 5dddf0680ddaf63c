// Shows an answer bit by bit, as fast as it can be read along. The whole answer is there before: nothing is shown that
// was not checked.

/// Milliseconds for all of it, at most.
const MOST = 1800;
/// Characters a second, at least.
const PACE = 90;

const calm = () => document.hidden || matchMedia("(prefers-reduced-motion: reduce)").matches;

/// Shows the parts of `root` that have the class `coming`, one after the other, their text letter by letter.
/// Resolves when all is there; `signal` shows the rest at once.
export function reveal(root, signal) {
  const parts = [...root.querySelectorAll(".coming")];
  const steps = parts.map((part) => ({ part, texts: part.matches(".letters") ? textsOf(part) : [] }));
  const total = steps.reduce((sum, { texts }) => sum + texts.reduce((n, { text }) => n + text.length, 0), 0);
  const all = () => {
    for (const { part, texts } of steps) {
      for (const { node, text } of texts) node.data = text;
      part.classList.remove("coming");
    }
  };
  if (calm() || parts.length === 0) {
    all();
    return Promise.resolve();
  }
  for (const { texts } of steps) for (const one of texts) one.node.data = "";
  const pace = Math.max(PACE, (1000 * total) / MOST);
  const began = performance.now();
  return new Promise((resolve) => {
    const frame = (now) => {
      let left = Math.floor(((now - began) * pace) / 1000);
      if (signal.aborted || left >= total || document.hidden) {
        all();
        resolve();
        return;
      }
      for (const { part, texts } of steps) {
        if (left <= 0) break;
        part.classList.remove("coming");
        for (const { node, text } of texts) {
          const shown = text.slice(0, Math.max(left, 0));
          if (node.data !== shown) node.data = shown;
          left -= text.length;
        }
      }
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
}

function textsOf(part) {
  const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push({ node: walker.currentNode, text: walker.currentNode.data });
  return texts;
}
