// How figures, times and shares are written, and times read. Pure, but for the time zone that the operator has chosen.
import {html, nothing} from "./lib/lit-html/lit-html.js";

const ZONE = "penstock.zone";

/** "local" or "UTC". */
export const zone = () => localStorage.getItem(ZONE) ?? "local";

export const setZone = (to) => localStorage.setItem(ZONE, to);

const formats = {};
const format = (where) => formats[where] ??= new Intl.DateTimeFormat("sv-SE", {
  dateStyle: "short", timeStyle: "medium", ...(where === "UTC" ? {timeZone: "UTC"} : {}),
});

/** 2026-12-01 14:05:00, in one of the two zones. */
export const timeIn = (where, at) => format(where).format(at) + (where === "UTC" ? "Z" : "");

const other = () => (zone() === "UTC" ? "local" : "UTC");

/** An instant as the API gives it, in the chosen zone; the other one is its title. */
export function time(iso) {
  if (!iso) return "-";
  const at = new Date(iso);
  return html`<time datetime=${iso} title=${timeIn(other(), at)}>${timeIn(zone(), at)}</time>`;
}

const UNITS = [["d", 86_400], ["h", 3_600], ["m", 60], ["s", 1]];

/** Seconds as 2d3h, 5m10s, 3s: two units at most. */
export function duration(seconds) {
  const total = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([, size]) => total >= size);
  if (first < 0) return "0s";
  const [unit, size] = UNITS[first];
  const rest = UNITS[first + 1] ? Math.floor((total % size) / UNITS[first + 1][1]) : 0;
  return Math.floor(total / size) + unit + (rest ? rest + UNITS[first + 1][0] : "");
}

/** How long ago, with the instant as its title. */
export function age(iso, now = Date.now()) {
  if (!iso) return "-";
  const at = new Date(iso);
  return html`<time datetime=${iso} title=${`${timeIn("local", at)} · ${timeIn("UTC", at)}`}>${duration((now - at) / 1000)}</time>`;
}

/** In how long, or at once. */
export function until(iso, now = Date.now()) {
  if (!iso) return "-";
  const at = new Date(iso);
  return html`<time datetime=${iso} title=${`${timeIn("local", at)} · ${timeIn("UTC", at)}`}>${at > now ? `in ${duration((at - now) / 1000)}` : "now"}</time>`;
}

const PARTS = {w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000}; // ms
const DURATION = /^(\d{1,6}[wdhms])+$/;
const MOMENT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(Z?)$/;

/**
 * What somebody typed: how long from now (2h30m), or a moment in the chosen zone (2026-12-01 14:05; with a Z at its end
 * in UTC). The text is as the command line takes it.
 */
export function moment(typed, now = Date.now()) {
  const text = typed.trim();
  if (DURATION.test(text)) {
    const ms = [...text.matchAll(/(\d+)([wdhms])/g)].reduce((sum, [, n, unit]) => sum + Number(n) * PARTS[unit], 0);
    return {at: new Date(now + ms), text};
  }
  const [, day, clock, utc] = MOMENT.exec(text) ?? [];
  const at = new Date(day ? `${day}T${clock}${utc || (zone() === "UTC" ? "Z" : "")}` : NaN);
  if (Number.isNaN(at.getTime())) throw new Error(`"${text}": expected a time like 2026-12-01 14:05, or how long from now, like 2h30m`);
  return {at, text: at.toISOString().replace(".000", "")};
}

export const count = (n) => (n === null || n === undefined ? "-" : n.toLocaleString("en"));

/** Messages a second. */
export const rate = (n) => (n === null || n === undefined ? "-" : n >= 100 || Number.isInteger(n) ? count(Math.round(n)) : n.toFixed(n >= 10 ? 1 : 2));

const SIZES = ["", "K", "M", "G", "T"];

/** Octets as 50M. */
export function octets(n) {
  let size = n, at = 0;
  while (size >= 1000 && at < SIZES.length - 1) {
    size /= 1000;
    at++;
  }
  return (at > 0 && size < 10 ? size.toFixed(1) : Math.round(size)) + SIZES[at];
}

export const percent = (share) => `${(100 * share).toFixed(share && share < 0.1 ? 2 : 1)} %`;

/** A share that is red from `bad` on and amber from `warn` on; `href` leads to the replies that made it so. */
export function share(value, {warn, bad, href, of = true}) {
  if (!of) return "-";
  const level = value >= bad ? "bad" : value >= warn ? "warn" : "";
  const text = html`<span class=${level}>${percent(value)}</span>`;
  return level && href ? html`<a href=${href} title="the replies behind it">${text}</a>` : text;
}

/** Empty names are written so. */
export const name = (text) => (text === "" ? html`<span class="none" title="none">-</span>` : text ?? nothing);
