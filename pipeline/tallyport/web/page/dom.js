// Elements, made without markup: whatever a text holds, it stays a text.

export const $ = (id) => document.getElementById(id);

/** Make an element: h("p.hint#x", {title: "t"}, "text", other). Attributes that are functions listen to events. */
export function h(what, attributes = {}, ...inside) {
  const [, tag, rest] = /^(\w+)(.*)$/.exec(what);
  const element = document.createElement(tag);
  for (const part of rest.match(/[.#][\w-]+/g) ?? []) {
    if (part[0] === "#") element.id = part.slice(1);
    else element.classList.add(part.slice(1));
  }
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...inside.flat(Infinity).filter((part) => part != null && part !== ""));
  return element;
}

const PATHS = {
  remove: "M6 6l12 12M18 6L6 18",
  good: "M12 3a9 9 0 100 18 9 9 0 000-18M8 12.3l2.7 2.7L16 9.5",
  warn: "M12 4L2.8 19.5h18.4L12 4M12 10v4.2M12 17v.1",
  bad: "M12 3a9 9 0 100 18 9 9 0 000-18M9 9l6 6M15 9l-6 6",
  down: "M12 4.5v11m0 0L7.5 11M12 15.5 16.5 11M4.5 19.5h15",
  lock: "M7 11V8a5 5 0 0110 0v3M5.5 11h13v9h-13z",
};

/** Make a drawing that says nothing by itself. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("width", "18");
  svg.setAttribute("height", "18");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Announce to people who do not see the page. */
export function say(text) {
  $("said").textContent = text;
}

/** Ask before what cannot be taken back; with `word`, that has to be typed. Gives whether to continue. */
export function ask({ title, text, yes, no, label, word }) {
  const dialog = $("ask"), typed = $("ask-word"), go = $("ask-yes");
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-label").hidden = !word;
  $("ask-label").firstChild.textContent = label ?? "";
  typed.value = "";
  go.textContent = yes;
  $("ask-no").textContent = no;
  go.disabled = Boolean(word);
  typed.oninput = () => { go.disabled = typed.value !== word; };
  $("ask-no").onclick = () => dialog.close("");
  $("ask-form").onsubmit = (event) => {
    event.preventDefault();
    if (!go.disabled) dialog.close("yes");
  };
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => { dialog.onclose = () => resolve(dialog.returnValue === "yes"); });
}
