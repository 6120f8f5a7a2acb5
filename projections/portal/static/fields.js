/** Between form fields and JSON: a field's name is the path of its value (`items[0].unitPrice`). */

import { plainDecimal } from "./decimals.js";
import { text } from "./texts.js";

/** The JSON body of a form; what is left empty is left out, or `empty` if that is given. */
export function bodyOf(form, empty = undefined) {
  const body = {};
  for (const list of form.querySelectorAll("[data-rows]")) body[list.dataset.rows] = [];
  for (const field of fieldsOf(form)) {
    const value = valueOf(field) ?? empty;
    if (value !== undefined) put(body, field.name, value);
  }
  return body;
}

/** Fills the fields whose name is a path into `values`. */
export function fill(form, values) {
  for (const field of fieldsOf(form)) {
    const value = at(values, field.name);
    if (field.type === "checkbox") field.checked = value === true;
    else if (value !== undefined) field.value = value ?? "";
  }
}

/** What is wrong with the form before it is sent: [{field, message}]. */
export function faultsOf(form) {
  return [...form.elements]
    .filter((field) => field.willValidate)
    .map((field) => ({ field, message: faultOf(field) }))
    .filter(({ message }) => message);
}

export function labelOf(field) {
  const label = field.labels?.[0];
  if (!label) return field.name;
  return [...label.childNodes].filter((node) => !node.classList?.contains("star")).map((node) => node.textContent).join("").trim();
}

/** Shows and asks for only those fields that the others' values call for: `kind=RECURRING`. */
export function adapt(form) {
  for (const part of form.querySelectorAll("[data-when]")) {
    const wanted = holds(form, part.dataset.when);
    part.hidden = !wanted;
    for (const field of part.querySelectorAll("input, select")) field.disabled = !wanted;
  }
  for (const field of form.querySelectorAll("[data-needed-when]")) {
    field.required = holds(form, field.dataset.neededWhen);
  }
}

function fieldsOf(form) {
  return [...form.elements].filter((field) => field.name && !field.disabled && field.dataset.as !== "nothing");
}

function valueOf(field) {
  if (field.type === "checkbox") return field.checked;
  const typed = field.value.trim();
  if (typed === "") return undefined;
  if (field.dataset.as === "decimal") return plainDecimal(typed) ?? typed;
  if (field.dataset.as === "integer") return Number(typed);
  return field.dataset.as === "upper" ? typed.toUpperCase() : typed;
}

function faultOf(field) {
  const label = labelOf(field);
  const { validity } = field;
  if (validity.badInput) return text(field.type === "date" ? "not_a_date" : "not_a_number", { label });
  if (validity.valueMissing || (field.required && field.value.trim() === "")) return text("needed", { label });
  if (validity.rangeUnderflow) return text("too_small", { label, minimum: field.min });
  if (validity.rangeOverflow) return text("too_large", { label, maximum: field.max });
  if (!validity.valid) return text("malformed", { label });
  const wrong = field.dataset.as === "decimal" && field.value.trim() && plainDecimal(field.value) === null;
  return wrong ? text("not_a_number", { label }) : null;
}

function holds(form, condition) {
  const [name, values] = condition.split("=");
  return values.split("|").includes(form.elements.namedItem(name)?.value);
}

const steps = (path) => path.match(/[^.[\]]+/g);

function at(values, path) {
  return steps(path).reduce((value, step) => value?.[step], values);
}

function put(body, path, value) {
  const names = steps(path);
  names.slice(0, -1).reduce((object, name, i) => (object[name] ??= /^\d+$/.test(names[i + 1]) ? [] : {}), body)[names.at(-1)] = value;
}
