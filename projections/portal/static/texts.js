/** The sentences of the page's language, and how numbers, amounts and dates read in it. */

const sentences = JSON.parse(document.getElementById("texts").textContent);
const language = document.documentElement.lang;
export const locale = language === "en" ? "en-GB" : language;

/** The sentence of `key` with its {placeholders} filled. */
export function text(key, values = {}) {
  return sentences[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function has(key) {
  return key in sentences;
}

/** The form of a sentence for `n` things. */
export function counted(key, n, values = {}) {
  return text(`${key}.${n === 1 ? "one" : "other"}`, { n: number(n), ...values });
}

export function number(value) {
  return new Intl.NumberFormat(locale).format(value);
}

/** An amount (decimal string) with its currency; the code itself if no such currency exists. */
export function money(amount, currency) {
  try {
    return new Intl.NumberFormat(locale, { style: "currency", currency }).format(amount);
  } catch {
    return `${amount} ${currency}`;
  }
}

export function day(isoDate) {
  const style = language === "de" ? { dateStyle: "medium" } : { day: "numeric", month: "short", year: "numeric" };
  return new Intl.DateTimeFormat(locale, { ...style, timeZone: "UTC" }).format(new Date(`${isoDate}T00:00:00Z`));
}

export function instant(moment) {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(moment);
}

/** Today where the viewer is, as an ISO date. */
export function today() {
  const now = new Date();
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}
