/** Exact decimal numbers as {digits: BigInt, scale}: what people type, and sums of price × quantity. */

import { locale } from "./texts.js";

const separators = new Intl.NumberFormat(locale).formatToParts(12345.6);
const GROUP = separators.find((part) => part.type === "group")?.value ?? ",";
const POINT = separators.find((part) => part.type === "decimal").value;

const quoted = (sign) => sign.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const GROUPED = new RegExp(`^-?\\d{1,3}(${quoted(GROUP)}\\d{3})+(${quoted(POINT)}\\d+)?$`);

/** "1.234,50" or "9.99" as a plain decimal string, or null when it is no number. */
export function plainDecimal(typed) {
  const compact = typed.replace(/[\s\u00a0\u202f]/g, "");
  const ungrouped = GROUPED.test(compact) ? compact.replaceAll(GROUP, "") : compact;
  const plain = ungrouped.replace(",", ".");
  return /^-?\d+(\.\d+)?$/.test(plain) ? plain : null;
}

export function decimal(plain) {
  const [whole, fraction = ""] = plain.split(".");
  return { digits: BigInt(whole + fraction), scale: fraction.length };
}

export function times(a, b) {
  return { digits: a.digits * b.digits, scale: a.scale + b.scale };
}

export function plus(a, b) {
  const scale = Math.max(a.scale, b.scale);
  return { digits: scaled(a, scale) + scaled(b, scale), scale };
}

/** Rounded half up (away from zero) to `places`, as every line amount is. */
export function rounded(value, places) {
  if (value.scale <= places) return value;
  const unit = 10n ** BigInt(value.scale - places);
  const half = value.digits < 0n ? -unit / 2n : unit / 2n;
  return { digits: (value.digits + half) / unit, scale: places };
}

export function plain({ digits, scale }) {
  const sign = digits < 0n ? "-" : "";
  const figures = String(digits < 0n ? -digits : digits).padStart(scale + 1, "0");
  const cut = figures.length - scale;
  return sign + figures.slice(0, cut) + (scale ? `.${figures.slice(cut)}` : "");
}

function scaled({ digits, scale }, to) {
  return digits * 10n ** BigInt(to - scale);
}
