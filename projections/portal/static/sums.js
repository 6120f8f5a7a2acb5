/** What a contract or order comes to, net, while it is being typed. */

import { decimal, plain, plainDecimal, plus, rounded, times } from "./decimals.js";
import { bodyOf } from "./fields.js";
import { counted, money, text } from "./texts.js";

export function setUpSums() {
  for (const type of ["input", "prepared"]) {
    document.addEventListener(type, ({ target }) => {
      const form = target.form ?? target;
      const place = form.querySelector?.("[data-sums]");
      if (place) show(place, bodyOf(form));
    });
  }
}

function show(place, body) {
  const groups = Map.groupBy((body[place.dataset.sums] ?? []).filter(isPriced), rhythm);
  const sums = [...groups].map(([words, rows]) => inWords(words, total(rows, body.currency ?? ""), body.currency ?? ""));
  const sentence = sums.length ? text("sum", { amount: sums.join(" + ") }) : "";
  if (place.textContent !== sentence) place.textContent = sentence;
}

function isPriced({ unitPrice, quantity }) {
  return [unitPrice, quantity].every((value) => value !== undefined && plainDecimal(value) !== null);
}

/** How often a row is billed, in words; empty for an order's lines, which are billed once anyway. */
function rhythm({ kind, billingInterval }) {
  if (!kind) return "";
  if (kind !== "RECURRING") return text("interval.once");
  return counted(`interval.${billingInterval?.unit ?? "MONTH"}`, billingInterval?.count ?? 1);
}

function total(rows, currency) {
  const places = placesOf(currency);
  const amounts = rows.map((row) => rounded(times(decimal(row.unitPrice), decimal(row.quantity)), places));
  return plain(amounts.reduce(plus));
}

function placesOf(currency) {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  } catch {
    return 2;
  }
}

function inWords(words, amount, currency) {
  const shown = money(amount, currency);
  return words ? text("sum_interval", { amount: shown, interval: words }) : shown;
}
