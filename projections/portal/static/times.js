/** Instants in the viewer's own time zone; without scripts they read in UTC. */

import { instant } from "./texts.js";

export function setUpTimes() {
  for (const element of document.querySelectorAll("time[data-instant]")) {
    element.title = element.textContent;
    element.textContent = instant(new Date(element.dateTime));
  }
}
