// The page's texts in English and Chinese. What the server says is shown as it comes.

import { en } from "./en.js";
import { lang, speak, t } from "./language.js";
import { zh } from "./zh.js";

speak({ en, zh });

/// A text that the server gives in both languages: `{zh, en}`.
export const both = (words) => words?.[lang()] || words?.zh || "";

/// A day of the server, `2021-06-01`, as the language writes it.
export function day(text) {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text ?? "");
  if (!parts) return text ?? "";
  const [year, month, date] = parts.slice(1).map(Number);
  if (lang() === "zh") return `${year}年${month}月${date}日`;
  const style = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  return new Intl.DateTimeFormat("en-GB", style).format(new Date(Date.UTC(year, month - 1, date)));
}

/// A share as whole percent.
export const percent = (share) => `${Math.round(100 * Math.min(Math.max(share, 0), 1))} %`;

/// A value of the server that the page has a word for, such as a kind of document.
export const word = (group, value) => {
  const text = t(`${group}.${value}`);
  return text === `${group}.${value}` ? value : text;
};

export * from "./language.js";
