// The gateway at one moment, from the live stream: what comes and goes, what is queued, what an operator should look at.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {get} from "../api.js";
import {age, count, octets, rate, time} from "../format.js";
import {bounced, deferred, lastHour, lastMinutes} from "../lately.js";
import * as links from "../links.js";
import {figure, figures, section, table} from "../ui.js";
import {columns as ofProviders} from "./providers.js";

/** Where a part that doesn't work is looked into. */
const PARTS = {
  queue: "/console/queues", smtp: "/console/sessions", drain: "/console/jobs", history: "/console/messages",
  "delivery-log": "/console/configuration?prefix=events.", spool: "/console/configuration?prefix=spool.", dns: "/console/configuration?prefix=dns.",
};

const cause = (alarm) => (alarm.about === "part" ? PARTS[alarm.name] ?? "/console/configuration" : links.page(alarm.about, alarm.name));

const alarms = (list) => section("Alarms", list.length === 0 ? html`<p class="good">none</p>`
  : html`<ul class="alarm-list">${list.map((alarm) => html`<li><a href=${cause(alarm)}>${alarm.text}</a></li>`)}</ul>`);

const flows = (live) => {
  const {lately} = live;
  const worst = (sort) => `/console/providers?sort=${sort}`;
  return table("Mail in and out", [
    {title: "", cell: (row) => html`<strong>${row.what}</strong>`},
    {title: "a second, now", number: true, cell: (row) => rate(row.per_second)},
    {title: "last minute", number: true, cell: (row) => count(row.last_minute)},
    {title: "top minute", number: true, note: "since the start", cell: (row) => count(row.top_minute)},
    {title: "last hour", number: true, cell: (row) => count(row.last_hour)},
    {title: "top hour", number: true, note: "since the start", cell: (row) => count(row.top_hour)},
    {title: "of what was answered", number: true, note: "in the last hour", cell: (row) => row.share ?? nothing},
  ], [
    {what: "in", ...live.in}, {what: "out", ...live.out},
    {what: "deferred", last_minute: lately.deferred_minute, last_hour: lately.deferred_hour, share: deferred(lately, worst("deferral-share"))},
    {what: "bounced", last_minute: lately.bounced_minute, last_hour: lately.bounced_hour, share: bounced(lately, worst("bounce-share"))},
  ]);
};

const state = (word) => `/console/messages?state=${word}`;

const queued = ({queued: counts, connections_in: from, connections_out: to}) => figures("What is queued, and connections", [
  figure("queued", count(counts.queued), {note: octets(counts.octets), href: "/console/queues"}),
  figure("oldest", age(counts.oldest), {href: "/console/queues?sort=oldest"}),
  figure("ready", count(counts.ready), {href: state("ready")}),
  figure("suspended", count(counts.suspended), {level: counts.suspended ? "warn" : "", href: "/console/suspended"}),
  figure("scheduled", count(counts.scheduled), {href: state("scheduled")}),
  figure("held", count(counts.held), {href: state("held")}),
  figure("connections in", count(from.now), {note: `top ${count(from.top)}`, href: "/console/sessions"}),
  figure("connections out", count(to.now), {note: `top ${count(to.top)}`, href: "/console/sessions"}),
]);

const parts = (list) => table("Parts", [
  {title: "part", cell: (part) => part.name},
  {title: "state", cell: (part) => (part.ok ? html`<span class="good">works</span>` : html`<a class="bad" href=${PARTS[part.name] ?? "/console/configuration"}>doesn't work</a>`)},
  {title: "detail", cell: (part) => html`<span class="wide">${part.detail || "-"}</span>`},
], list);

const view = (hour, live, ticks) => html`${alarms(live.alarms)}${flows(live)}
  <div class="beside">${lastHour(hour)}${ticks.length > 1 ? lastMinutes(ticks) : nothing}</div>
  ${queued(live)}
  ${section("Fullest providers", table("Fullest providers", ofProviders(), live.providers, {empty: "No mail to anybody."}), html`<a href="/console/providers">all of them</a>`)}
  ${section("Parts", parts(live.parts))}
  <p>Penstock ${live.version}, up ${age(live.started)} since ${time(live.started)}.</p>`;

export default {
  path: "", title: "Home", key: "h", every: 30_000,
  api: () => ["/live", "/traffic"],
  cli: () => ["penstock status", "penstock status --hour"],
  load: (q, rest, signal) => get("/traffic", signal),
  view: (hour, {state: {live, history}}) => (live ? view(hour, live, history) : html`<p class="loading">…</p>`),
};
