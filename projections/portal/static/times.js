/** Instants in the viewer's own time zone; without scripts they read in UTC. */

import { instant } from "./texts.js";

export function setUpTimes(part = document) {
  for (const element of part.querySelectorAll("time[data-instant]")) {
    element.title = element.textContent;
    element.textContent = instant(new Date(element.dateTime));
  }
}
