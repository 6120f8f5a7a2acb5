/** Sending forms: the JSON API does it, the page shows the effect or what was wrong. */

import { send } from "./api.js";
import { adapt, bodyOf, faultsOf } from "./fields.js";
import { clearFault, clearFaults, faultsOfProblem, showFaults } from "./errors.js";
import { text } from "./texts.js";

export function setUpForms() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-send]")) return;
    event.preventDefault();
    submit(event.target);
  });
  document.addEventListener("input", ({ target }) => {
    if (target.matches?.("[aria-invalid]")) clearFault(target);
    const form = target.form ?? target;
    if (form.matches?.("[data-send]")) adapt(form);
  });
  document.addEventListener("prepared", ({ target: form }) => {
    if ("onlyChanges" in form.dataset) form.beforeEdit = bodyOf(form, null);
  });
}

async function submit(form) {
  if (form.ariaBusy === "true") return;
  clearFaults(form);
  const faults = faultsOf(form);
  const body = complete(form);
  if (!faults.length) faults.push(...formFaults(form, body));
  if (faults.length) return showFaults(form, faults);
  busy(form, true);
  try {
    const answer = await sendForm(form, body);
    form.dispatchEvent(new CustomEvent("sent", { bubbles: true, detail: { answer, body } }));
  } catch (problem) {
    showFaults(form, faultsOfProblem(form, problem));
  } finally {
    busy(form, false);
  }
}

function sendForm(form, body) {
  const [method, path] = form.dataset.send.split(" ");
  return send(method, path, body, { key: keyFor(form, body), version: form.dataset.version });
}

/** The same key while the same thing is sent again, so that a lost answer does not do it twice. */
function keyFor(form, body) {
  const content = form.dataset.send + JSON.stringify(body);
  if (form.key?.content !== content) form.key = { content, value: newKey() };
  return form.key.value;
}

/** 128 random bits; crypto.randomUUID() is missing where a portal in the house is opened without TLS. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function complete(form) {
  if ("onlyChanges" in form.dataset) return changes(form.beforeEdit, bodyOf(form, null));
  const body = bodyOf(form);
  for (const item of body.items ?? []) item.itemIdent = ident(item, body.items);
  return body;
}

function changes(before, after) {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));
}

/** An item is named within its contract by its name: "Base fee" → base-fee, a second one base-fee-2. */
function ident(item, items) {
  const stem = (one) => (one.name ?? "").normalize("NFKD").replace(/[^\w]+/g, "-").replace(/^-|-$/g, "").toLowerCase().slice(0, 90) || "item";
  const earlier = items.slice(0, items.indexOf(item)).filter((one) => stem(one) === stem(item)).length;
  return earlier ? `${stem(item)}-${earlier + 1}` : stem(item);
}

function formFaults(form, body) {
  const isEmpty = (name) => form.dataset.form !== "edit-customer" && body[name]?.length === 0;
  if (isEmpty("items") || isEmpty("lines")) return [{ field: null, message: text("no_rows") }];
  return Object.keys(body).length === 0 ? [{ field: null, message: text("no_changes") }] : [];
}

function busy(form, is) {
  form.ariaBusy = String(is);
  const button = form.querySelector(".dialog-foot .primary");
  button.disabled = is;
  button.dataset.label ??= button.textContent;
  button.textContent = is ? text("sending") : button.dataset.label;
}
