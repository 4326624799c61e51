// The draft: files, target and options as they are chosen now. Kept over a reload.

import { $, h, icon, say } from "./dom.js";
import * as server from "./server.js";
import { known, percent, size, t } from "./texts.js";

const FORMATS = ["dxf-json", "dxf-csv", "dxf-xml", "dxf-pdf", "adx", "parquet", "arrow", "xlsx"];
const CHOICES = { layout: ["split", "single"], compress: ["none", "gz", "zst"] };
const SCHEME = /^((de|ou|ds|cc|c|co|coc|aoc)=)?(uid|code|name|attribute:[A-Za-z][A-Za-z0-9]{10})$/i;
const NAME_LENGTH = 200;
const CHECKS = ["keep_followup_false", "strict"];

let about, changed;
let files = [];
let target = "convert";
let options = {};

/** Begin with what was chosen before, if anything. `changed` is called whenever something is chosen. */
export async function begin(offered, listener) {
  [about, changed] = [offered, listener];
  $("drop-hint").textContent = t("choose.hint", { size: size(about.limit_bytes) });
  $("choose").onchange = (event) => { add([...event.target.files]); event.target.value = ""; };
  const drop = $("drop");
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, () => drop.classList.add("over"));
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => add([...event.dataTransfer.files]));
  const kept = JSON.parse(sessionStorage.getItem("draft") ?? "null");
  if (kept) await set(kept);
  else draw();
}

/** Adopt what a job was asked to do. */
export async function set(request) {
  if (request.target !== undefined && about.targets.some((one) => one.id === request.target)) target = request.target;
  options = { ...request.options };
  files = (await Promise.all(request.sources.map(async ({ upload, format }) => {
    const known = files.find((file) => file.upload?.id === upload);
    if (known) return { ...known, format };
    const kept = await server.upload(upload).catch(() => null);
    return kept && { name: kept.name, bytes: kept.bytes, upload: kept, format, isSent: true };
  }))).filter(Boolean);
  draw();
}

/** What would be asked for now. */
export function request() {
  const sources = files.filter((file) => file.upload).map(({ upload, format }) => (format ? { upload: upload.id, format } : { upload: upload.id }));
  return { sources, target, options: used() };
}

/** Say that a job has the files now: what is removed from the draft stays on the server. */
export function sent() {
  for (const file of files) file.isSent = true;
}

function used() {
  const offered = about.targets.find((one) => one.id === target).options;
  return Object.fromEntries(Object.entries(options).filter(([name, value]) => offered.includes(name) && value !== "" && value !== false && value?.length !== 0));
}

/** Whether two requests ask for the same. */
export function same(one, other) {
  const text = ({ sources, target, options }) => JSON.stringify([
    sources.map(({ upload, format }) => [upload, format ?? null]), target,
    Object.entries({ layout: "split", compress: "none", ...options }).sort(),
  ]);
  return text(one) === text(other);
}

/** What keeps the draft from a dry run: the key of a hint, or nothing. */
export function obstacle() {
  if (!files.length) return "hint.choose";
  if (isSending()) return "hint.wait";
  if (files.some((file) => file.error)) return "hint.failed";
  if ((used().id_schemes ?? []).some((text) => !SCHEME.test(text))) return "hint.scheme";
  return files.some((file) => !(file.format || file.upload.format)) ? "hint.format" : "";
}

/** Whether a file is on its way: leaving the page would lose it. */
export const isSending = () => files.some((file) => !file.upload && !file.error);

export const chosenTarget = () => about.targets.find((one) => one.id === target);

function add(chosen) {
  const isTooLarge = (file) => file.size > about.limit_bytes;
  $("files-problem").textContent = chosen.filter(isTooLarge).map((file) =>
    t("file.too_large", { name: file.name, size: size(file.size), limit: size(about.limit_bytes) })).join(" ");
  for (const file of chosen) {
    if (isTooLarge(file)) continue;
    const entry = { file, name: fitting(file.name), bytes: file.size };
    files.push(entry);
    send(entry);
  }
  draw();
}

/** A name that the server takes: one that is too long loses its middle. */
const fitting = (name) => (name.length <= NAME_LENGTH ? name : `${name.slice(0, NAME_LENGTH - 40)}…${name.slice(-39)}`);

function send(entry) {
  Object.assign(entry, { part: 0, error: undefined });
  const sending = server.send(entry.file, entry.name, (sent, total) => {
    entry.part = total ? sent / total : 1;
    const bar = entry.row?.querySelector("progress");
    if (bar) {
      bar.value = entry.part;
      entry.row.querySelector(".file-facts").textContent = facts(entry);
    }
  });
  entry.stop = sending.stop;
  sending.done.then((upload) => {
    if (!files.includes(entry)) return;
    if (files.some((other) => other.upload?.sha256 === upload.sha256 && other.name === entry.name)) {
      files.splice(files.indexOf(entry), 1);
      server.removeUpload(upload.id).catch(() => null);
      $("files-problem").textContent = t("file.twice", entry);
      return;
    }
    entry.upload = upload;
    say(`${entry.name}: ${facts(entry)}`);
  }, (error) => {
    entry.error = error.status ? error.message : t("file.broken");
  }).finally(draw);
}

function remove(entry) {
  const at = files.indexOf(entry);
  files.splice(at, 1);
  if (!entry.upload) entry.stop?.();
  else if (!entry.isSent) server.removeUpload(entry.upload.id).catch(() => null);
  draw();
  ($("files").children[Math.min(at, files.length - 1)]?.querySelector("button") ?? $("choose")).focus();
}

function facts(entry) {
  const parts = [size(entry.bytes)];
  if (entry.error) return t("file.failed", entry) + " " + entry.error;
  if (!entry.upload) return `${parts[0]}, ${entry.part < 1 ? t("file.uploading", { part: percent(entry.part) }) : t("file.reading")}`;
  const { format, compression, finding } = entry.upload;
  if (compression && compression !== "none") parts.push(t("packed", { how: compression }));
  if (format) parts.push(t("file.detected", { format: t(`format.${format}`), why: t(`detected.${format}`) }));
  else if (!entry.format) parts.push(finding?.message ?? "", t("file.unknown"));
  return parts.filter(Boolean).join(" · ");
}

function row(entry) {
  const byContent = h("option", { value: "" }, t("file.automatic"));
  const choice = h("select", {
    "aria-label": t("file.format", entry),
    change: (event) => { entry.format = event.target.value || undefined; draw(); },
  }, byContent, FORMATS.map((name) => h("option", { value: name, selected: name === entry.format }, t(`format.${name}`))));
  const isBad = entry.error || (entry.upload && !entry.upload.format && !entry.format);
  entry.row = h(isBad ? "li.file.bad" : "li.file", {},
    h("div", {}, h("div.file-name", {}, entry.name), h("div.file-facts", {}, facts(entry))),
    entry.upload ? choice : entry.error ? h("button.button.small", { type: "button", click: () => { send(entry); draw(); } }, t("file.again")) : h("span"),
    h("button.icon", { type: "button", "aria-label": t("file.remove", entry), click: () => remove(entry) }, icon("remove")),
    entry.upload || entry.error ? null : h("progress", { max: 1, value: entry.part, "aria-label": entry.name }));
  return entry.row;
}

function draw() {
  const focused = document.activeElement?.getAttribute("aria-label");
  $("files").replaceChildren(...files.map(row));
  $("files").parentElement.classList.toggle("has-files", files.length > 0);
  drawTargets();
  drawOptions();
  if (focused) document.querySelector(`[aria-label=${CSS.escape(focused)}]`)?.focus();
  keep();
}

function keep() {
  sessionStorage.setItem("draft", JSON.stringify(request()));
  changed();
}

function drawTargets() {
  if ($("targets").childElementCount) {
    for (const input of $("targets").querySelectorAll("input")) input.checked = input.value === target;
    return;
  }
  $("targets").replaceChildren(...about.targets.map((one) => h("label.target", {},
    h("input", { type: "radio", name: "target", value: one.id, checked: one.id === target, change: () => { target = one.id; drawOptions(); keep(); } }),
    h("b", {}, t(`target.${one.kind}`, one)), h("span", {}, t(`target.${one.kind}.hint`)))));
}

function drawOptions() {
  const names = chosenTarget().options; // check boxes come after text fields
  $("fields").replaceChildren(...[false, true].flatMap((isCheck) => names.filter((name) => CHECKS.includes(name) === isCheck)).map(field));
  if (Object.keys(used()).length) $("options").open = true;
}

function field(name) {
  const set = (value) => { options[name] = value; keep(); };
  const label = t(`option.${name}`), hint = known(`option.${name}.hint`, "");
  const described = hint ? { "aria-describedby": `hint-${name}` } : {};
  const small = hint && h(`small#hint-${name}`, {}, hint);
  if (CHECKS.includes(name)) {
    const box = h("input", { type: "checkbox", checked: options[name] === true, change: (event) => set(event.target.checked), ...described });
    return h("label.field.check", {}, box, h("span", {}, label), small);
  }
  if (CHOICES[name]) {
    const choices = CHOICES[name].map((one) => h("option", { value: one, selected: options[name] === one }, t(`option.${name}.${one}`)));
    return h("label.field", {}, label, h("select", { change: (event) => set(event.target.value === CHOICES[name][0] ? "" : event.target.value) }, choices));
  }
  const isList = name === "id_schemes";
  const value = isList ? (options[name] ?? []).join(" ") : options[name] ?? "";
  const read = (event) => set(isList ? event.target.value.split(/[\s,]+/).filter(Boolean) : event.target.value.trim());
  return h("label.field", {}, label, h("input", { type: "text", value, spellcheck: "false", autocomplete: "off", input: read, ...described }), small);
}
