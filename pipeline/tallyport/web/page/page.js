// The page: what is shown when. A job is named by the address, so that a reload, or a link, shows it again.

import { $, ask, h, icon, say } from "./dom.js";
import * as draft from "./draft.js";
import { running, ended, ending, title, tone } from "./outcome.js";
import * as server from "./server.js";
import { load, moment, t } from "./texts.js";

let job = null;
let unfollow = () => {};
let busy = false;

const isLive = () => job !== null && tone(job) === "live";
const inAddress = () => location.hash.slice(1);

function wrong(error) {
  if (error.status === 401) lost(true);
  else if (error instanceof server.Refusal) $("act-problem").textContent = error.message;
  else lost(false);
}

function lost(isClosed) {
  $("offline").textContent = t(isClosed ? "signed_out" : "offline");
  $("offline").hidden = false;
}

const found = () => { $("offline").hidden = true; };

// --- What can be done now ---

function settle() {
  const fits = job !== null && draft.same(draft.request(), asked(job));
  const obstacle = draft.obstacle();
  const canRun = fits && Boolean(job.plan) && !isLive() && !busy;
  const isDry = job?.kind === "dry-run" && job.state === "done";
  const isBad = canRun && tone(job) === "bad";
  let hint = obstacle || "hint.dry";
  if (isLive()) hint = "hint.busy";
  else if (isDry && !obstacle) hint = !fits ? "hint.changed" : !job.plan ? "hint.nothing" : isBad ? "hint.bad" : "hint.ready";
  else if (job?.kind === "run" && job.state === "done" && fits) hint = "hint.done";
  const { kind, label } = draft.chosenTarget();
  $("dry").disabled = Boolean(obstacle) || isLive() || busy;
  $("dry").textContent = t("dry");
  $("run").hidden = isDry && fits && !job.plan; // there is nothing to write
  $("run").disabled = !canRun;
  const changes = t("changes", { n: job?.summary?.changes ?? 0 });
  $("run").replaceChildren(canRun ? "" : icon("lock"), t(isBad ? `run.rest.${kind}` : canRun ? `run.now.${kind}` : `run.${kind}`, { label, changes }));
  $("run").classList.toggle("primary", canRun && !isBad);
  $("dry").classList.toggle("primary", !canRun);
  $("act-hint").textContent = t(hint);
}

const asked = ({ sources, target, options }) => ({ sources, target: target.id, options });

async function begin(starting) {
  $("act-problem").textContent = "";
  busy = true;
  settle();
  try {
    const begun = await starting();
    if (begun) {
      draft.sent();
      say(t("announce.started", { kind: t(`kind.${begun.kind}`) }));
      history.pushState(null, "", `#${begun.id}`);
      await show(begun, true);
    }
  } catch (error) {
    wrong(error);
  } finally {
    busy = false;
    settle();
  }
}

async function run() {
  const { id, plan, confirm } = job;
  if (confirm !== undefined) {
    const isSure = await ask({
      title: t("ask.hard"), text: t("ask.hard.text", { label: confirm }), yes: t("ask.hard.yes"), no: t("ask.no"),
      label: t("ask.hard.word", { label: confirm }), word: confirm,
    });
    if (!isSure) return null;
  }
  return server.run(id, plan, confirm);
}

// --- A job ---

async function show(next, isFocused) {
  unfollow();
  job = next;
  const panel = $("outcome");
  panel.hidden = job === null;
  if (job === null) panel.replaceChildren();
  else if (isLive()) watch();
  else panel.replaceChildren(...ended(job, () => begin(() => server.again(job.id))));
  if (job !== null && isFocused) {
    $("outcome-title").focus({ preventScroll: true });
    panel.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }
  settle();
  await list();
}

function watch() {
  const { id } = job;
  const work = running(job, () => server.cancel(id).catch(wrong));
  $("outcome").replaceChildren(work.element);
  let said = 0;
  unfollow = server.follow(id, {
    stages: (names) => { work.stages(names); list().catch(wrong); },
    progress: (event) => {
      const text = work.progress(event);
      if (Date.now() - said > 8000) { said = Date.now(); say(text); }
    },
    end: async () => {
      const wasInside = $("outcome").contains(document.activeElement) || document.activeElement === document.body;
      const done = await server.job(id).catch(wrong);
      if (!done || job?.id !== id) return;
      const listed = show(done, wasInside);
      say($("outcome-title").textContent); // now: by the time that the history is there, another job may be shown
      await listed;
    },
    lost,
    found,
  });
}

async function open(id) {
  try {
    const asking = id ? await server.job(id) : null;
    if (asking) await draft.set(asked(asking));
    if (inAddress() !== id) return; // another one was opened meanwhile
    await show(asking, false);
    found();
  } catch (error) {
    if (error.status !== 404) return wrong(error);
    history.replaceState(null, "", "#");
    await show(null, false);
  }
}

// --- History ---

async function list() {
  const jobs = await server.jobs();
  $("no-jobs").hidden = jobs.length > 0;
  $("jobs").replaceChildren(...jobs.map((one) => {
    const link = h("a", { href: `#${one.id}`, "aria-current": one.id === job?.id ? "true" : null },
      h(`i.dot.${tone(one)}`, { "aria-hidden": "true" }), h("b", {}, title(one)), h("span", {}, `${t(`kind.${one.kind}`)} · ${ending(one)}`), h("span", {}, moment(one.created)));
    const remove = h("button.icon", { type: "button", "aria-label": t("job.remove", { name: title(one) }), click: () => forget(one) }, icon("remove"));
    return h(one.id === job?.id ? "li.job.current" : "li.job", {}, link, tone(one) === "live" ? null : remove);
  }));
}

async function forget(one) {
  if (!await ask({ title: t("ask.remove"), text: t("ask.remove.text"), yes: t("ask.remove.yes"), no: t("ask.no") })) return;
  try {
    await server.removeJob(one.id);
    if (job?.id === one.id) {
      history.replaceState(null, "", "#");
      await open("");
    } else {
      await list();
    }
    $("past-title").tabIndex = -1;
    $("past-title").focus();
  } catch (error) {
    wrong(error);
  }
}

// --- Beginning ---

const about = await server.about();
const language = await load(about.languages);
$("language").replaceChildren(...about.languages.map((tag) =>
  h("option", { value: tag, lang: tag, selected: tag === language }, new Intl.DisplayNames(tag, { type: "language" }).of(tag))));
$("language").onchange = (event) => { localStorage.setItem("language", event.target.value); location.reload(); };
$("dry").onclick = () => begin(() => server.dryRun(draft.request()));
$("run").onclick = () => begin(run);
addEventListener("hashchange", () => { if (inAddress() !== job?.id) open(inAddress()); });
addEventListener("beforeunload", (event) => { if (draft.isSending()) event.preventDefault(); });
addEventListener("popstate", () => { if (inAddress() !== (job?.id ?? "")) open(inAddress()); });
await draft.begin(about, () => settle());
await open(inAddress());
document.body.dataset.ready = "true";
