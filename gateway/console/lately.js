// What became of recipients lately: shares with their colours, and the last hour as a chart.
import {share} from "./format.js";
import {chart} from "./ui.js";

/** From which share on deferrals are amber, and red. An alarm is raised at the red one. */
export const DEFERRED = {warn: 0.05, bad: 0.2};
export const BOUNCED = {warn: 0.02, bad: 0.05};

/** In the last hour. */
export const answered = (lately) => lately.delivered_hour + lately.deferred_hour + lately.bounced_hour;

export const deferred = (lately, href, marks = DEFERRED) => share(lately.deferral_share, {...marks, href, of: answered(lately) > 0});

export const bounced = (lately, href, marks = BOUNCED) => share(lately.bounce_share, {...marks, href, of: answered(lately) > 0});

const SERIES = {
  in: {label: "in", colour: "--in"}, delivered: {label: "out", colour: "--out"},
  deferred: {label: "deferred", colour: "--deferred"}, bounced: {label: "bounced", colour: "--bounced"},
};

/** Minute by minute, without the one under way. */
export function lastHour(hour) {
  const kinds = Object.keys(SERIES).filter((kind) => hour[kind].length > 0);
  const from = Date.parse(hour.from) / 1000;
  return chart("A minute, in the last hour", kinds.map((kind) => SERIES[kind]),
    [hour.delivered.slice(0, -1).map((_, minute) => from + 60 * minute), ...kinds.map((kind) => hour[kind].slice(0, -1))]);
}

/** A second, as the live stream told it since the page was opened. */
export const lastMinutes = (ticks) => chart("A second, now", [SERIES.in, SERIES.delivered],
  [ticks.map((tick) => Date.parse(tick.at) / 1000), ticks.map((tick) => tick.in.per_second), ticks.map((tick) => tick.out.per_second)]);
