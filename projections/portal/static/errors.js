/** Errors where people look for them: a summary that links to the fields, and a sentence at each field. */

import { labelOf } from "./fields.js";
import { counted, has, text } from "./texts.js";

/** Shows faults [{field, message}] (field null: of the whole form) and moves the focus to their summary. */
export function showFaults(form, faults) {
  clearFaults(form);
  for (const { field, message } of faults) if (field) mark(field, message);
  const summary = form.querySelector(".summary");
  const title = document.createElement("strong");
  title.textContent = counted("errors", faults.length);
  const list = document.createElement("ul");
  list.append(...faults.map(entry));
  summary.replaceChildren(title, list);
  summary.hidden = false;
  summary.focus();
  summary.scrollIntoView({ block: "nearest" });
}

/** Refusals that concern one field, by the slug of their type. */
const FIELD_OF_REFUSAL = {
  "debtor-ident-taken": "debtorIdent",
  "contract-ident-taken": "contractIdent",
  "order-ident-taken": "orderIdent",
};

/** A problem's errors as faults: each at the field it names, else with the name in front. */
export function faultsOfProblem(form, problem) {
  if (!problem.errors.length) {
    return [{ field: fieldAt(form, FIELD_OF_REFUSAL[problem.slug] ?? ""), message: problem.message }];
  }
  return problem.errors.map(({ field: path, message }) => {
    const field = fieldAt(form, path);
    const known = `rejected.${path.split(".").at(-1)}`;
    if (has(known)) return { field, message: text(known) };
    return { field, message: `${field ? labelOf(field) : path}: ${message}` };
  });
}

export function clearFaults(form) {
  form.querySelector(".summary").hidden = true;
  for (const field of form.querySelectorAll("[aria-invalid]")) clearFault(field);
}

export function clearFault(field) {
  field.removeAttribute("aria-invalid");
  describe(field, (ids) => ids.filter((id) => id !== `${field.id}-error`));
  const place = document.getElementById(`${field.id}-error`);
  if (place) place.hidden = true;
}

function mark(field, message) {
  field.setAttribute("aria-invalid", "true");
  const place = document.getElementById(`${field.id}-error`);
  if (!place) return;
  place.textContent = message;
  place.hidden = false;
  describe(field, (ids) => [...new Set([...ids, place.id])]);
}

function describe(field, change) {
  const ids = change((field.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  if (ids.length) field.setAttribute("aria-describedby", ids.join(" "));
  else field.removeAttribute("aria-describedby");
}

function fieldAt(form, path) {
  const shown = [...form.elements].filter((field) => field.name && field.type !== "hidden");
  const last = path.split(".").at(-1);
  return shown.find(({ name }) => name === path)
    ?? shown.find(({ name }) => path && name.startsWith(`${path}.`))
    ?? shown.find(({ name }) => path.startsWith("addresses[") && name === last)
    ?? null;
}

function entry({ field, message }) {
  const item = document.createElement("li");
  if (!field) {
    item.textContent = message;
    return item;
  }
  const link = document.createElement("a");
  link.href = `#${field.id}`;
  link.textContent = message;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    field.focus();
  });
  item.append(link);
  return item;
}
