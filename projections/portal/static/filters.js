/** Filters that answer while one types; the address always says what is shown. */

const PAUSE_MS = 220;

export function setUpFilters() {
  const form = document.querySelector("[data-filters]");
  if (!form) return;
  let timer;
  let request;
  const refresh = () => {
    request?.abort();
    request = new AbortController();
    update(form, request.signal);
  };
  form.addEventListener("input", ({ target }) => {
    clearTimeout(timer);
    timer = setTimeout(refresh, target.type === "search" ? PAUSE_MS : 0);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    refresh();
  });
}

async function update(form, signal) {
  const address = new URL(form.action);
  const says = ([name, value]) => value !== "" && value !== form.elements.namedItem(name).dataset.standard;
  address.search = new URLSearchParams([...new FormData(form)].filter(says));
  const results = document.getElementById(form.dataset.filters);
  results.ariaBusy = "true";
  try {
    const response = await fetch(address, { signal, headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) return location.assign(address);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    results.replaceChildren(...page.getElementById(results.id).childNodes);
    history.replaceState(history.state, "", address);
    document.getElementById("announcement").textContent = results.querySelector(".count").textContent;
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
  } finally {
    if (!signal.aborted) results.ariaBusy = "false";
  }
  return undefined;
}
