/** Opening and closing dialogs; Escape keeps what was typed, Discard forgets it. */

import { adapt, fill } from "./fields.js";
import { clearFaults } from "./errors.js";
import { addRow, removeRow, resetRows } from "./rows.js";
import { today } from "./texts.js";

export function setUpDialogs() {
  document.addEventListener("click", ({ target }) => {
    const opener = target.closest("[data-open]");
    if (opener) return open(opener);
    const dialog = target.closest("dialog");
    if (!dialog) return undefined;
    if (target.closest("[data-close]")) dialog.close();
    if (target.closest("[data-discard]")) discard(dialog);
    const adding = target.closest("[data-add]");
    if (adding) add(adding);
    const removing = target.closest("[data-remove]");
    if (removing) remove(removing);
    return undefined;
  });
}

function open(opener) {
  const dialog = document.getElementById(opener.dataset.open);
  const form = dialog.querySelector("form");
  form.dataset.standard ??= form.dataset.send;
  const purpose = `${opener.dataset.send ?? ""} ${opener.dataset.subject ?? ""}`;
  if (dialog.dataset.purpose !== purpose) prepare(form, opener);
  dialog.dataset.purpose = purpose;
  dialog.showModal();
  dialog.querySelector(".dialog-body").scrollTop = 0;
  firstField(form)?.focus();
}

/** An empty form for what the opener names: a customer (`data-subject`), or a thing to edit (`data-values`). */
function prepare(form, opener) {
  empty(form);
  form.dataset.send = opener.dataset.send ?? form.dataset.standard;
  const values = JSON.parse(opener.dataset.values ?? "null");
  if (values) fill(form, values);
  lockType(form, values);
  if (opener.dataset.subject) name(form, JSON.parse(opener.dataset.subject));
  adapt(form);
  form.dispatchEvent(new CustomEvent("prepared", { bubbles: true }));
}

function empty(form) {
  form.reset();
  clearFaults(form);
  for (const field of form.querySelectorAll("[data-today]")) field.value = today();
  for (const list of form.querySelectorAll("[data-rows]")) {
    const initial = initialRows(form, list.dataset.rows);
    resetRows(list, initial ? initial.length : 1);
    if (initial) fill(form, { [list.dataset.rows]: initial });
  }
}

function initialRows(form, name) {
  const data = form.querySelector(`[data-initial="${name}"]`);
  return data && JSON.parse(data.textContent);
}

/** An address keeps its type; the field still shows and sends it. */
function lockType(form, values) {
  const type = form.elements.namedItem("addressType");
  if (!(type instanceof HTMLSelectElement)) return;
  for (const option of type.options) option.disabled = values !== null && option.value !== values.addressType;
}

function name(form, subject) {
  form.elements.namedItem("customerId").value = subject.customerId;
  const ident = Object.assign(document.createElement("span"), { className: "ident", textContent: subject.debtorIdent });
  form.querySelector("[data-subject-name]").replaceChildren(subject.name, ident);
}

function discard(dialog) {
  delete dialog.dataset.purpose;
  dialog.close();
}

function add(button) {
  const form = button.closest("form");
  const row = addRow(form.querySelector(`[data-rows="${button.dataset.add}"]`));
  adapt(form);
  firstField(row)?.focus();
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

function remove(button) {
  const form = button.closest("form");
  const row = button.closest(".row");
  const adder = form.querySelector(`[data-add="${row.closest("[data-rows]").dataset.rows}"]`);
  removeRow(row);
  adder.focus();
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

function firstField(part) {
  return [...part.querySelectorAll("input:not([type=hidden]), select")].find((field) => field.checkVisibility());
}
