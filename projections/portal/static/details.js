/** What is read when somebody opens it: why a document's line is what it is, and what of a contract is billed. */

import { read } from "./api.js";
import { day, text } from "./texts.js";

const EVENTS_SHOWN = 3;

const PARTS = {
  explanation: ({ steps }) => [list("ol", steps.map(step))],
  coverage: ({ items }) => items.flatMap(item),
};

export function setUpDetails() {
  // The event does not bubble.
  document.addEventListener("toggle", ({ target }) => {
    if (target.open && target.dataset.read) load(target);
  }, true);
}

async function load(details) {
  const { read: path, part } = details.dataset;
  const place = details.querySelector("[data-place]");
  place.textContent = text("loading");
  try {
    place.replaceChildren(...PARTS[part](await read(path)));
    delete details.dataset.read;
  } catch (problem) {
    place.textContent = problem.message;
  }
}

function step({ text: sentence, events }) {
  const found = element("li", sentence);
  if (events.length) {
    const more = events.length > EVENTS_SHOWN ? " …" : "";
    found.append(" ", element("span", events.slice(0, EVENTS_SHOWN).join(", ") + more, "note"));
  }
  return found;
}

/** An item of a contract: its billed intervals, and whether any day is missing or there twice. */
function item({ itemIdent, intervals, gaps, overlaps }) {
  const wrong = [
    ...gaps.map((days) => element("li", text("not_billed", { days: period(days) }), "wrong")),
    ...overlaps.map((days) => element("li", text("billed_twice", { days: period(days) }), "wrong")),
  ];
  const proof = wrong.length ? [] : [element("li", text("covered"), "note")];
  return [element("h4", itemIdent, "ident"), list("ul", [...intervals.map(interval), ...wrong, ...proof])];
}

function interval(billed) {
  const found = element("li", `${period(billed)} `);
  found.append(Object.assign(element("a", billed.documentNumber, "ident"), { href: `/documents/${billed.documentId}` }));
  const numbers = billed.creditedBy.join(", ");
  if (numbers) found.append(" ", element("span", billed.released ? text("billed_again", { numbers }) : text("credited", { numbers }), "note"));
  return found;
}

function period({ from, to }) {
  return from === to ? day(from) : `${day(from)} – ${day(to)}`;
}

function list(kind, items) {
  const found = element(kind, "");
  found.append(...items);
  return found;
}

function element(kind, content, style = "") {
  return Object.assign(document.createElement(kind), { textContent: content, className: style });
}
