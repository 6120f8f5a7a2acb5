/** Billing runs as they go: the Create documents dialog, and the live part of a run's page. */

import { goTo } from "./after.js";
import { read } from "./api.js";
import { counted, day, number, text } from "./texts.js";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2000;
const GIVE_UP_AFTER_MS = 60_000;

export function setUpRuns() {
  document.addEventListener("sent", ({ target: form, detail }) => {
    if ("run" in form.dataset) showRun(form, detail);
  });
  document.addEventListener("prepared", ({ target: form }) => {
    if ("run" in form.dataset) step(form, "ask");
  });
  const live = document.querySelector("[data-live-run]");
  if (live) showLive(live);
}

async function showRun(form, { answer, body }) {
  const dialog = form.closest("dialog");
  dialog.addEventListener("close", () => goTo(location.pathname + location.search, answer.position), { once: true });
  step(form, "progress");
  const result = form.querySelector('[data-step="result"]');
  try {
    await follow(answer.billingRunId, answer.position, form);
    const outcome = await outcomeOf(answer.billingRunId);
    result.replaceChildren(inWords(outcome, body.processingDate), runLink(answer.billingRunId));
  } catch (problem) {
    result.replaceChildren(paragraph(problem.message), runLink(answer.billingRunId));
  }
  step(form, "result");
  result.focus();
}

/** The outcome of a run for one customer, when its documents can be opened: their view may be a moment behind. */
async function outcomeOf(billingRunId) {
  for (let patience = 8; ; patience--) {
    const { items: [outcome] } = await read(`/v1/billing-runs/${billingRunId}/outcomes?limit=1`);
    const missing = (outcome?.documents.length ?? 0) - (outcome?.documentNumbers?.length ?? 0);
    if (missing <= 0 || patience === 0) return outcome;
    await pause(FIRST_PAUSE_MS);
  }
}

async function showLive(section) {
  await follow(section.dataset.liveRun, null, section);
  location.reload();
}

/** Reads the run until it is completed and shows how far it is in the part's text and bar. */
async function follow(billingRunId, position, part) {
  const started = { at: performance.now() };
  let pauseMs = FIRST_PAUSE_MS;
  let failingSince = null;
  for (;;) {
    try {
      const query = position ? `?minPosition=${position}` : "";
      const run = await read(`/v1/billing-runs/${billingRunId}${query}`);
      failingSince = null;
      showProgress(part, run, started);
      if (run.finishedAt || !["REQUESTED", "RUNNING"].includes(run.status)) return run;
    } catch (problem) {
      failingSince ??= performance.now();
      const gone = performance.now() - failingSince > GIVE_UP_AFTER_MS;
      if (gone || !(problem.passing || problem.status === 404)) throw problem;
      if (problem.status === 0) say(part, text("retrying"));
    }
    await pause(pauseMs);
    pauseMs = Math.min(pauseMs * 1.3, LONGEST_PAUSE_MS);
  }
}

function showProgress(part, run, started) {
  const { done, total } = run.customers;
  const bar = part.querySelector("progress");
  if (total) Object.assign(bar, { max: total, value: done });
  if (run.status === "REQUESTED" || !total) return say(part, text("requested"));
  started.done ??= done;
  const perSecond = (done - started.done) / ((performance.now() - started.at) / 1000);
  const values = { done: number(done), total: number(total) };
  const steady = perSecond > 0 && total > 20 && done < total;
  return say(part, steady ? text("pace", { ...values, rate: number(Math.round(perSecond)), remaining: remaining((total - done) / perSecond) }) : text("progress", values));
}

function remaining(seconds) {
  return seconds < 90 ? counted("remaining_seconds", Math.max(1, Math.round(seconds))) : counted("remaining_minutes", Math.round(seconds / 60));
}

/** The one outcome of a customer, in words, with links to the new documents. */
function inWords(outcome, processingDate) {
  const part = document.createElement("div");
  part.className = "outcome";
  part.append(paragraph(sentence(outcome, processingDate)));
  if (outcome?.documents?.length) part.append(documentList(outcome));
  return part;
}

function sentence(outcome, processingDate) {
  switch (outcome?.outcome) {
    case "DOCUMENTS_CREATED": return counted("created", outcome.documents.length);
    case "NOTHING_DUE": return text("nothing_due", { day: day(processingDate) });
    case "BLOCKED": return text("blocked", { reason: outcome.reason ?? "" });
    case "FAILED": return text("failed", { reason: outcome.reason ?? "" });
    default: return text("no_outcome");
  }
}

function documentList({ documents, documentNumbers = [] }) {
  const list = document.createElement("ul");
  list.append(...documents.map((id, i) => {
    const item = document.createElement("li");
    item.append(link(`/documents/${id}`, documentNumbers[i] ?? text("document", { n: i + 1 })));
    return item;
  }));
  return list;
}

function runLink(billingRunId) {
  const part = paragraph("");
  part.append(link(`/billing-runs/${billingRunId}`, text("see_run")));
  return part;
}

function link(address, label) {
  return Object.assign(document.createElement("a"), { href: address, textContent: label });
}

function paragraph(sentence) {
  return Object.assign(document.createElement("p"), { textContent: sentence });
}

function say(part, sentence) {
  const place = part.querySelector("[data-progress-text]");
  if (place.textContent !== sentence) place.textContent = sentence;
}

function step(form, name) {
  for (const part of form.querySelectorAll("[data-step]")) part.hidden = part.dataset.step !== name;
  for (const button of form.querySelectorAll("[data-when-step]")) button.hidden = button.dataset.whenStep !== name;
}

/** Waits, and while nobody looks at the page, until somebody does. */
async function pause(milliseconds) {
  await new Promise((wake) => setTimeout(wake, milliseconds));
  if (document.hidden) await new Promise((wake) => document.addEventListener("visibilitychange", wake, { once: true }));
}
