/** Repeated groups of fields: contract items, order lines, references. Their names are numbered anew on every change. */

const NUMBERED = ["name", "id", "for", "aria-describedby", "data-when"];
const patterns = new WeakMap();

/** Adds an empty row to the list and gives it. */
export function addRow(list) {
  const row = list.querySelector("template").content.firstElementChild.cloneNode(true);
  remember(row);
  list.append(row);
  renumber(list);
  return row;
}

export function removeRow(row) {
  const list = row.closest("[data-rows]");
  row.remove();
  renumber(list);
}

/** Makes the list hold exactly `count` empty rows. */
export function resetRows(list, count) {
  for (const row of rowsOf(list)) row.remove();
  for (let i = 0; i < count; i++) addRow(list);
}

export function rowsOf(list) {
  return [...list.querySelectorAll(":scope > .row")];
}

function remember(row) {
  for (const element of row.querySelectorAll("*")) {
    const found = NUMBERED.filter((name) => element.getAttribute(name)?.includes("#"));
    if (found.length) patterns.set(element, found.map((name) => [name, element.getAttribute(name)]));
  }
}

function renumber(list) {
  const rows = rowsOf(list);
  rows.forEach((row, i) => {
    row.querySelector("legend").textContent = `${list.dataset.legend} ${i + 1}`;
    for (const element of row.querySelectorAll("*")) {
      for (const [name, pattern] of patterns.get(element) ?? []) element.setAttribute(name, pattern.replaceAll("#", i));
    }
  });
}
