/** The files of documents: saved, or why they are not given out; their menu; and their checksums, to be copied. */

import { file } from "./api.js";
import { flash } from "./after.js";
import { text } from "./texts.js";

const KEPT_MS = 60_000; // some browsers go on reading what is being saved

export function setUpFiles() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-file]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    save(link);
  });
  for (const menu of document.querySelectorAll("[data-menu]")) setUpMenu(menu);
  for (const button of document.querySelectorAll("[data-copy]")) setUpCopying(button);
}

async function save(link) {
  if (link.ariaBusy === "true") return;
  link.ariaBusy = "true";
  try {
    const address = URL.createObjectURL(await file(link.href));
    Object.assign(document.createElement("a"), { href: address, download: link.download }).click();
    setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
    document.getElementById("file-problem")?.remove();
  } catch (problem) {
    complain(problem.message);
  } finally {
    link.ariaBusy = "false";
  }
}

/** Says what is wrong where it stays and is seen: above everything else. */
function complain(sentence) {
  document.getElementById("file-problem")?.remove();
  const notice = Object.assign(document.createElement("p"), { id: "file-problem", className: "notice", role: "alert" });
  document.getElementById("content").prepend(notice);
  notice.textContent = sentence;
  notice.scrollIntoView({ block: "nearest" });
}

/** A menu closes as people expect it: by Escape, by a choice, and by whatever happens outside of it. */
function setUpMenu(menu) {
  const close = () => { menu.open = false; };
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    close();
    menu.querySelector("summary").focus();
  });
  menu.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !menu.contains(relatedTarget)) close();
  });
  document.addEventListener("click", ({ target }) => {
    if (!menu.contains(target) || target.closest("a")) close();
  });
}

/** Browsers let a page copy only where it came over TLS; elsewhere one click selects the whole text. */
function setUpCopying(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    flash(text("copied"));
  });
}
