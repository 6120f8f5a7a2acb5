/** What follows a command: the page that shows its effect, and a word that it was done. */

import { text } from "./texts.js";

const KEPT = "kontor.flash";

export function setUpAfter() {
  document.addEventListener("sent", ({ target: form, detail: { answer } }) => {
    if ("run" in form.dataset) return; // its own progress follows
    sessionStorage.setItem(KEPT, text(`done.${form.dataset.form}`));
    goTo(destination(form, answer), answer.position);
  });
  sayKept();
  forgetPosition();
}

/** Loads `path` as it is after the log position of the viewer's own command. */
export function goTo(path, position) {
  const address = new URL(path, location.href);
  if (position) address.searchParams.set("minPosition", position);
  const here = address.pathname + address.search === location.pathname + location.search;
  if (here) location.reload();
  else location.assign(address);
}

function destination(form, answer) {
  const pattern = form.dataset.goto ?? location.pathname + location.search;
  return pattern.replace(/\{(\w+)\}/g, (_, name) => answer[name]);
}

function sayKept() {
  const kept = sessionStorage.getItem(KEPT);
  if (!kept) return;
  sessionStorage.removeItem(KEPT);
  flash(kept);
}

/** Says for a while that something was done. */
export function flash(sentence) {
  const place = document.getElementById("flash");
  setTimeout(() => { place.textContent = sentence; }, 100); // a live region speaks only what changes in it
  setTimeout(() => { place.textContent = ""; }, 6000);
}

/** The address stays one that can be kept and shared. */
function forgetPosition() {
  const address = new URL(location.href);
  if (!address.searchParams.has("minPosition")) return;
  address.searchParams.delete("minPosition");
  history.replaceState(history.state, "", address);
}
