// Texts in the user's language, numbers, sizes and dates in the user's manner.

let texts = {};
let language = "en";
let plurals, numbers;

/** Load the texts: the language chosen before, or the first of the browser's that there is. */
export async function load(languages) {
  const wanted = [localStorage.getItem("language"), ...navigator.languages.map((tag) => tag.slice(0, 2)), "en"];
  language = wanted.find((tag) => languages.includes(tag));
  texts = await (await fetch(`/texts/${language}.json`)).json();
  document.documentElement.lang = language;
  const region = navigator.languages.find((tag) => tag.startsWith(language)) ?? language;
  plurals = new Intl.PluralRules(language);
  numbers = region;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  return language;
}

/** A text by its key, with {names} filled in; `n` chooses among the forms of a plural. */
export function t(key, given = {}) {
  let text = texts[key] ?? key;
  if (typeof text === "object") text = text[plurals.select(given.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (typeof given[name] === "number" ? number(given[name]) : given[name] ?? whole));
}

/** A text by its key, or else what the server said. */
export const known = (key, otherwise) => (key in texts ? t(key) : otherwise);

export const number = (n) => new Intl.NumberFormat(numbers).format(n);
export const percent = (part) => new Intl.NumberFormat(numbers, { style: "percent" }).format(part);

const measured = (n, unit, digits) =>
  new Intl.NumberFormat(numbers, { style: "unit", unit, unitDisplay: unit === "byte" ? "long" : "short", maximumFractionDigits: digits }).format(n);

export function size(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  let at = 0;
  while (bytes >= 1000 && at < 3) { bytes /= 1000; at++; }
  return measured(bytes, units[at], at && bytes < 100 ? 1 : 0);
}

export function duration(seconds) {
  if (seconds < 1) return measured(seconds * 1000, "millisecond", 0);
  if (seconds < 90) return measured(seconds, "second", seconds < 10 ? 1 : 0);
  return seconds < 5400 ? measured(seconds / 60, "minute", 0) : measured(seconds / 3600, "hour", 1);
}

export const moment = (seconds) =>
  new Intl.DateTimeFormat(numbers, { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);
