// Differences between what a draft quotes and what the text says: the quote laid along the best place of the text.

/// Cells of the table that is filled, at most; beyond it nothing is marked.
const MOST = 2_000_000;

/// What a quotation may leave out or write otherwise without being wrong.
const quiet = (c) => /[\s\u3000“”"'‘’「」『』]/u.test(c);

/// Half-width and full-width marks are the same.
const FULL = { ",": "，", ";": "；", ":": "：", "(": "（", ")": "）", "?": "？", "!": "！" };
const full = (c) => FULL[c] ?? c;

/// What a quotation leaves out by an ellipsis is not missing.
const left = (c) => c === "…";

/// `quote` and `source` as runs `{text, kind}`: of the quote `same` or `wrong`, of the source `same`, `missing` (within
/// the place, not quoted) or `around` (before and behind it). Null where the texts are too long.
export function compare(quote, source) {
  const a = [...quote];
  const b = [...source];
  if (a.length * b.length > MOST || a.length === 0 || b.length === 0) return null;
  // A quotation in the middle of a sentence ends in marks of its own.
  const body = a.length - /[。，；、]*$/u.exec(quote)[0].length;
  const free = (i) => i >= body || quiet(a[i]) || left(a[i]);
  const width = b.length + 1;
  // Costs of laying a[..i] along b up to j; beginning anywhere in b costs nothing.
  const cost = new Uint32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i += 1) {
    const drop = free(i - 1) ? 0 : 2;
    cost[i * width] = cost[(i - 1) * width] + drop;
    for (let j = 1; j <= b.length; j += 1) {
      const same = full(a[i - 1]) === full(b[j - 1]) ? 0 : 3;
      const across = cost[(i - 1) * width + j - 1] + same;
      const down = cost[(i - 1) * width + j] + drop;
      const right = cost[i * width + j - 1] + (quiet(b[j - 1]) || left(a[i - 1]) ? 0 : 2);
      cost[i * width + j] = Math.min(across, down, right);
    }
  }
  let end = 0;
  for (let j = 1; j <= b.length; j += 1) if (cost[a.length * width + j] < cost[a.length * width + end]) end = j;
  const inQuote = new Array(a.length).fill("same");
  const inSource = new Array(b.length).fill("around");
  let [i, j] = [a.length, end];
  while (i > 0) {
    const here = cost[i * width + j];
    const equal = j > 0 && full(a[i - 1]) === full(b[j - 1]);
    if (j > 0 && here === cost[(i - 1) * width + j - 1] + (equal ? 0 : 3)) {
      inQuote[i - 1] = equal ? "same" : "wrong";
      inSource[j - 1] = equal ? "same" : "missing";
      i -= 1;
      j -= 1;
    } else if (here === cost[(i - 1) * width + j] + (free(i - 1) ? 0 : 2)) {
      inQuote[i - 1] = free(i - 1) ? "same" : "wrong";
      i -= 1;
    } else {
      inSource[j - 1] = quiet(b[j - 1]) || left(a[i - 1]) ? "same" : "missing";
      j -= 1;
    }
  }
  return { quote: runs(a, inQuote), source: runs(b, inSource) };
}

function runs(characters, kinds) {
  const found = [];
  characters.forEach((character, at) => {
    const last = found.at(-1);
    if (last?.kind === kinds[at]) last.text += character;
    else found.push({ text: character, kind: kinds[at] });
  });
  return found;
}
