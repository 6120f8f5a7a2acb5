/** A document on its way by e-mail: what became of it is shown without loading the page again. */

import { read } from "./api.js";
import { setUpTimes } from "./times.js";

const PAUSE_MS = 1500;
const LOOKS = 40; // then somebody who still wants to know loads the page again

export async function setUpDelivery() {
  const section = document.querySelector("[data-under-way]");
  for (let look = 0; section && look < LOOKS; look++) {
    await new Promise((wake) => setTimeout(wake, PAUSE_MS));
    const found = await read(section.dataset.underWay).catch(() => null);
    if (found && found.delivery.status !== "WAITING") return show(section);
  }
  return undefined;
}

async function show(section) {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  section.replaceChildren(...page.getElementById(section.id).childNodes);
  setUpTimes(section);
  document.getElementById("announcement").textContent = section.querySelector(".badge").textContent;
}
