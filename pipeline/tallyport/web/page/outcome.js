// The outcome: a job while it runs, and its result.

import { h, icon } from "./dom.js";
import { downloadOf } from "./server.js";
import { duration, known, moment, number, percent, size, t } from "./texts.js";

const CLASSES = { written: 1, accepted: 1, insert: 1, update: 2, undelete: 3, delete: 6, imported: 1, updated: 2, deleted: 3, left_out: 5, unchanged: 4, superseded: 4, ignored: 5, rejected: 6 };

const removes = (summary, target) => summary.removes_for_good && target.kind === "database";

/** How a job ended, in one word: good, warn, bad; or live. */
export function tone({ state, summary, kind, target }) {
  if (state === "queued" || state === "running") return "live";
  if (state !== "done") return state === "failed" ? "bad" : "warn";
  return summary.tone === "good" && kind === "dry-run" && removes(summary, target) ? "warn" : summary.tone;
}

// --- While it runs ---

/** Draw a job that runs. Gives the element, and functions that take its stages and progress. */
export function running(job, cancel) {
  const stages = h("ol.stages"), bar = h("progress", { max: 1, "aria-label": t("progress") });
  const line = h("div.progress-line"), stop = h("button.button.small", { type: "button", click: () => {
    stop.disabled = true;
    stop.textContent = t(job.target.kind === "database" ? "cancelling" : "stopping");
    cancel();
  } }, t("cancel"));
  line.append(job.state === "queued" ? t("queued") : "");
  const element = h("div.card", {}, h("h2#outcome-title", { tabindex: -1 }, t(`working.${job.kind}`)), stages, bar, line, h("div.buttons.foot", {}, stop));
  let names = [], shown;
  const mark = (current) => {
    if (current === shown) return;
    shown = current;
    stages.replaceChildren(...names.map((name, at) => {
      const attributes = name === current ? { "aria-current": "step" } : {};
      return h(at < names.indexOf(current) ? "li.past-stage" : "li", attributes, t(`stage.${name}`));
    }));
  };
  return {
    element,
    stages: (list) => { names = list; shown = undefined; mark(names[0]); line.replaceChildren(); },
    progress: (event) => {
      mark(event.stage);
      if (event.part == null) bar.removeAttribute("value");
      else bar.value = event.part;
      const parts = [event.part == null ? "" : percent(event.part), event.values ? t("values", { n: event.values }) : ""];
      if (event.per_second) parts.push(t("rate", { n: event.per_second }));
      const left = event.wait_s ? t("away", { time: duration(event.waited_s), most: duration(event.wait_s) })
        : event.remaining_s ? t("left", { time: duration(event.remaining_s) }) : "";
      line.replaceChildren(h("span", {}, parts.filter(Boolean).join(" · ")), h("span", {}, left));
      return t("announce.stage", { stage: t(`stage.${event.stage}`), part: event.part == null ? "" : percent(event.part) });
    },
  };
}

// --- Verdict ---

/** What a count is called: a server ignores values that it has already. */
const countOf = (name, target) => t(`count.${name === "ignored" && target?.kind === "profile" ? "unchanged" : name}`);

/** What the server said, as a sentence. */
const sentence = (text, end = ".") => text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : end);

/** What comes first: what changes; where nothing does, why. */
function headline({ state, kind, summary, target }) {
  const changed = t("changes", { n: summary?.changes ?? 0 });
  if (state !== "done") {
    const { changes: n } = kind === "run" && summary ? summary : {};
    return n ? t(`verdict.${state}.after`, { changes: changed }) : t(state === "interrupted" ? "verdict.interrupted" : `verdict.${state}.${kind}`);
  }
  const { given, same, lost, runnable } = summary;
  if (summary.changes && (runnable || kind === "run")) {
    return t(`verdict.${kind}.${target.kind}`, { values: t("values", { n: summary.changes }), changes: changed });
  }
  if (same && !lost) return t("verdict.same", { values: t("values", { n: same }) });
  if (!given) return t(summary.sources_failed ? "verdict.unreadable" : "verdict.empty");
  return lost >= given ? t("verdict.none", { n: given }) : t("verdict.nothing");
}

function sentences({ summary, finding, target, result }) {
  const parts = finding ? [sentence(finding.message + (finding.found ? ` (${finding.found})` : "")), sentence(finding.help ?? "")] : [];
  if (!summary) return parts;
  const { same, lost, given, changes: changed, values, rows } = summary;
  if (same && (changed || lost)) parts.push(t("same", { n: same }));
  if (lost) {
    const differing = values.superseded_differing ?? 0;
    const why = [["rejected", values.rejected + (rows.rejected ?? 0)], ["differing", differing], ["unwritten", lost - values.rejected - (rows.rejected ?? 0) - differing]];
    parts.push(t("lost", { n: lost, given, why: why.filter(([, n]) => n > 0).map(([name, n]) => t(`lost.${name}`, { n })).join(", ") }));
    const main = result?.problems.find((problem) => problem.severity !== "info");
    if (main && !finding) parts.push(sentence(t("lost.reason", { reason: main.message + (main.found.length === 1 ? ` (${main.found[0].text})` : "") })));
  }
  if (summary.groups_failed) parts.push(t("groups.failed", { n: summary.groups, bad: summary.groups_failed }));
  if (summary.sources_failed) parts.push(t("unreadable", { n: summary.sources_failed }));
  if (summary.resumed) parts.push(t("resumed"));
  if (removes(summary, target)) parts.push(t("removes", { n: summary.removes_for_good }));
  return parts;
}

function counts(title, entries, target) {
  const shown = entries.filter(([, n]) => n != null);
  if (!shown.some(([, n]) => n)) return null;
  const bar = h("div.bar", { "aria-hidden": "true" });
  for (const [name, n] of shown) {
    if (!CLASSES[name] || !n) continue;
    const piece = h(`i.k${CLASSES[name]}`);
    piece.style.flexGrow = n;
    bar.append(piece);
  }
  const list = shown.map(([name, n]) => h(n ? "div" : "div.none", {},
    h("dt", {}, CLASSES[name] ? h(`i.k${CLASSES[name]}`) : null, countOf(name, target)), h("dd", {}, number(n))));
  return h("section", { "aria-label": title }, h("h3", {}, title), bar, h("dl.counts", {}, list));
}

/** Draw the result of a job. `again` runs it again. */
export function ended(job, again) {
  const { summary, result, kind, started, ended: end } = job;
  const when = t("took", { kind: t(`kind.${kind}`), when: moment(job.created), time: duration(Math.max(end - (started ?? end), 0)) });
  const head = h("div.verdict-head", {}, icon(tone(job)), h("h2#outcome-title", { tabindex: -1 }, headline(job)),
    h("p", {}, sentences(job).join(" ")), h("p.when", {}, when));
  const body = h("div.verdict-body", {}, facts(job));
  if (["failed", "cancelled", "interrupted"].includes(job.state)) {
    body.append(h("div.buttons", {}, h("button.button.small", { type: "button", click: again }, t("again"))));
  }
  const parts = [h(`div.card.verdict.${tone(job)}`, {}, head, body.childElementCount ? body : null)];
  if (result && summary) parts.push(details(job));
  return parts;
}

function facts({ id, summary, result, downloads, target }) {
  if (!summary) return [];
  const { values, rows } = summary;
  const parts = [];
  if (values.read) parts.push(counts(t("by.values"), ["read", "written", "superseded", "rejected"].map((name) => [name, values[name]])));
  if (target.kind !== "convert" || !values.read) {
    parts.push(counts(t("by.rows"), [...Object.entries(rows ?? {}), ["cleared", summary.cleared || null], ["periods_created", summary.periods_created || null]], target));
  }
  const notes = [];
  for (const source of result?.sources ?? []) {
    const dropped = Object.entries(source.dropped ?? {}).map(([name, n]) => `${name} ${number(n)}`);
    if (dropped.length) notes.push(t("dropped", { name: source.name, what: dropped.join(", ") }));
    for (const { de, pe, ou, superseded, by } of source.superseded ?? []) {
      const called = [de, pe, ou].map((id) => result.names?.[id] ?? id).join(", ");
      notes.push(t("duplicate", { what: called, one: superseded.value ?? "–", other: by.value ?? "–" }));
    }
    if (source.completions) notes.push(t("completions", { name: source.name, n: source.completions }));
  }
  if (summary.kept) notes.push(t("kept", { n: summary.kept }));
  if (summary.may_clear) notes.push(t("may_clear", { n: summary.may_clear }));
  if (summary.tells_new_from_changed === false && rows.updated) notes.push(t("counted_together"));
  if (notes.length) parts.push(h("ul.facts", {}, notes.map((note) => h("li", {}, note))));
  if (downloads?.length) {
    parts.push(h("section", { "aria-label": t("downloads") }, h("div.downloads", {}, downloads.map(({ what, bytes }) =>
      h("a.button.small", { href: downloadOf(id, what), download: what }, icon("down"), t(`get.${what}`), bytes == null ? null : h("small", {}, size(bytes)))))));
  }
  return parts.filter(Boolean);
}

// --- Tabs ---

function details(job) {
  const { summary, result } = job;
  const all = [
    ["problems", summary.causes, () => problems(job)],
    ["changes", result.changes ? summary.changes : result.chunks ? summary.chunks : summary.groups, () => changes(job)],
    ["sql", null, () => script(result.sql)],
    ["map", null, () => map(result)],
  ].filter(([name]) => name !== "sql" || result.sql);
  const panel = h("div#panel", { role: "tabpanel", tabindex: 0 });
  const tabs = all.map(([name, count]) => h(`button.tab#tab-${name}`, { type: "button", role: "tab", "aria-controls": "panel", click: () => open(name) },
    t(`tab.${name}`), count ? h("span.badge", {}, number(count)) : null));
  const open = (name) => {
    for (const tab of tabs) {
      const isOpen = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", isOpen);
      tab.tabIndex = isOpen ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", `tab-${name}`);
    panel.replaceChildren(...[all.find(([other]) => other === name)[2]()].flat());
  };
  const list = h("div.tabs", { role: "tablist", "aria-label": t("details"), keydown: (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -all.length, End: all.length }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = tabs.indexOf(document.activeElement), last = all.length - 1;
    const next = Math.abs(step) > 1 ? (step > 0 ? last : 0) : (at + step + all.length) % all.length;
    open(all[next][0]);
    tabs[next].focus();
  } }, tabs);
  open("problems");
  return h("div.card", {}, list, panel);
}

const empty = (key) => h("p.empty", {}, t(key));

/** A thing by its name, where that is known, and its identifier. */
const named = (names, id) => (names?.[id] ? [h("span.name", {}, names[id]), " ", h("small.code", {}, id)] : h("span.code", {}, id));

function problems({ summary, result }) {
  if (!result.problems.length) return empty("problems.none");
  const rest = summary.causes > result.problems.length;
  const lead = rest ? h("p.lead", {}, t("problems.first", { shown: result.problems.length, n: summary.causes })) : "";
  return [lead, h("ul.problems", {}, result.problems.map((one) => problem(one, result.names)))].filter(Boolean);
}

/** One cause: what it is, how many values have it, what was found, where the first of them are. */
function problem({ severity, code, message, help, field, count, found, other_found: others, places }, names) {
  const texts = found.map(({ text, count: n, expected }) => h("li", {},
    h("span.code", {}, text), n > 1 ? h("span.times", {}, t("times", { n })) : null,
    namesIn(text, names), expected ? h("span.expected", {}, t("expected.is", { expected })) : null));
  const more = others ? h("li", {}, t("found.more", { n: others })) : null;
  const where = places.map((place) => h("li", {}, whereabouts(place, field, names)));
  const rest = count > places.length && places.length ? h("li", {}, t("where.more", { n: count - places.length })) : null;
  return h("li.problem", {},
    h("h3", {}, h(`span.chip.${severity}`, {}, t(`severity.${severity}`)), sentence(message, ""), count > 1 ? h("span.chip", {}, t("times", { n: count })) : null, h("span.chip", {}, code)),
    texts.length ? [h("p.what", {}, t("found")), h("ul.found", {}, texts, more)] : null,
    where.length ? h("ul.where", {}, where, rest) : field ? h("p.where", {}, t("where.field", { field })) : null,
    help ? h("p.do", {}, sentence(help)) : null);
}

const namesIn = (text, names) => {
  const ids = [...new Set(text.match(/\b[A-Za-z][A-Za-z0-9]{10}\b/g) ?? [])].filter((id) => names?.[id]);
  return ids.length ? h("span.name", {}, ids.map((id) => (ids.length === 1 && id === text ? names[id] : `${id}: ${names[id]}`)).join(", ")) : null;
};

/** Where a row is: as a spreadsheet or an editor shows it, or by number in an ADV2 group; and what it is about. */
function whereabouts({ source, sheet, sheet_row: sheetRow, cell, line, row, keys = {} }, field, names) {
  const at = sheetRow != null ? t("where.sheet", { n: sheetRow }) : line != null ? t("where.line", { n: line }) : row != null ? t("where.row", { n: row }) : "";
  return [source, sheet, at, cell, field ? t("where.field", { field }) : "", ...Object.values(keys).map((id) => names?.[id] ?? id)].filter(Boolean).join(" · ");
}

function changes({ summary, result, target }) {
  const parts = [];
  if (result.changes?.length) parts.push(values(summary, result));
  if (result.groups.length) parts.push(groups(summary, result));
  if (result.chunks?.length) parts.push(chunks(summary, result.chunks, target));
  return parts.length ? parts.flat() : empty(target.kind === "profile" ? "chunks.none" : "changes.none");
}

const heads = (...names) => names.map((name) => h("th", { scope: "col" }, t(name)));
const amounts = (names, counted) => names.map((name) => h(counted[name] ? "td.n" : "td.n.zero", {}, number(counted[name] ?? 0)));
const amountHeads = (names, target) => names.map((name) => h("th.n", { scope: "col" }, countOf(name, target)));

/** A table with what it is about above it. */
const captioned = (lead, label, head, lines) =>
  [h("p.lead", {}, lead), scrolled(label, h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, lines)))];

function groups(summary, { groups: list, names: called }) {
  const names = Object.keys(summary.rows);
  const lines = list.map(({ de, file, rows, valid }) => h("tr", {},
    h("th", { scope: "row" }, de ? named(called, de) : "–", valid ? "" : h("span.chip.error", {}, t("changes.failed"))),
    amounts(names, rows), h("td.code", {}, file)));
  const rest = summary.groups > list.length ? ` ${t("changes.first", { shown: list.length, n: summary.groups })}` : "";
  return captioned(t("changes.caption") + rest, t("changes.groups"), [heads("changes.de"), amountHeads(names), heads("changes.file")], lines);
}

function chunks(summary, list, target) {
  const names = [...Object.keys(summary.rows).filter((name) => name !== "left_out"), ...(summary.cleared ? ["cleared"] : [])];
  const lines = list.map(({ counts, seconds }, at) => h("tr", {}, h("th.n", { scope: "row" }, number(at + 1)), amounts(names, counts), h("td.n", {}, duration(seconds))));
  const rest = summary.chunks > list.length ? ` ${t("chunks.first", { shown: list.length, n: summary.chunks })}` : "";
  return captioned(t("chunks.caption") + rest, t("chunks"), [h("th.n", { scope: "col" }, t("chunks.number")), amountHeads(names, target), h("th.n", { scope: "col" }, t("chunks.time"))], lines);
}

function values(summary, { changes: list, names: called }) {
  const value = (one, text) => (text == null ? h("td.zero", {}, "–") : h(Number.isNaN(Number(text)) ? "td.value" : "td.value.number", {}, text));
  const lines = list.map((one) => h("tr", {},
    h("th", { scope: "row" }, h("span.change", {}, h(`i.k${CLASSES[one.change]}`), known(`count.${one.change}`, one.change), one.leap ? h("span.chip.warning", {}, t("values.leap", { n: one.leap })) : null)),
    value(one, one.before), value(one, one.change === "delete" ? null : one.value),
    ["de", "pe", "ou", "coc", "aoc"].map((name) => h("td", {}, one[name] ? named(called, one[name]) : "")), h("td", {}, whereabouts({ source: one.file, row: one.row }))));
  const rest = summary.changes > list.length ? ` ${t("values.first", { shown: list.length, n: summary.changes })}` : "";
  const names = ["values.change", "values.before", "values.after", "changes.de", "values.pe", "map.unit", "values.coc", "values.aoc", "values.where"];
  return captioned(t("values.caption") + rest, t("values.table"), heads(...names), lines);
}

const scrolled = (label, inside) => h("div.scroll", { tabindex: 0, role: "region", "aria-label": label }, inside);

function script(sql) {
  return [h("p.lead", {}, t("sql.lead", { size: size(sql.length) })), scrolled(t("tab.sql"), h("pre", {}, h("code", {}, sql)))];
}

function map({ completeness: found, names }) {
  if (!found) return empty("map.none");
  const { periods, units, cells, most, filled, total_units: totalUnits, total_periods: totalPeriods } = found;
  const lead = [t("map.caption", { filled, cells: totalUnits * totalPeriods })];
  if (units.length < totalUnits || periods.length < totalPeriods) {
    lead.push(t("map.capped", { units: units.length, totalUnits, periods: periods.length, totalPeriods }));
  }
  const cell = (n) => {
    if (!n) return h("td.gap", {}, h("span.unseen", {}, t("map.missing")));
    const made = h("td", {}, number(n));
    made.style.setProperty("--heat-of", (0.08 + 0.3 * Math.sqrt(n / most)).toFixed(3));
    return made;
  };
  const head = h("tr", {}, h("th", { scope: "col" }, t("map.unit")), periods.map((period) => h("th", { scope: "col" }, period)));
  const lines = units.map((unit, at) => h("tr", {}, h("th", { scope: "row" }, named(names, unit)), cells[at].map(cell)));
  return [h("p.lead", {}, lead.join(" ")), scrolled(t("tab.map"), h("table.map", {}, h("thead", {}, head), h("tbody", {}, lines)))];
}

/** What a job is called in the list: its first file. */
export function title({ sources }) {
  const [{ name }] = sources;
  return sources.length > 1 ? t("job.more", { name, n: sources.length - 1 }) : name;
}

export const ending = (job) => (job.state === "done" ? t(`state.${tone(job)}`) : known(`state.${job.state}`, job.state));
