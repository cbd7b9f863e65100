// Providers with mail or traffic; and one: what adaptive control does there and why, what holds its mail, its last replies.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {actions} from "../act.js";
import {get, query} from "../api.js";
import {age, count, rate, time, until} from "../format.js";
import {bounced, deferred, lastHour} from "../lately.js";
import * as links from "../links.js";
import {command, options, quoted} from "../selection.js";
import {ages, figure, figures, section, table} from "../ui.js";
import {held, outcome} from "./why.js";

const LIMIT = 100;
const DOMAINS = 20;
const LEVELS = {blocked: "bad", incident: "bad", probing: "warn", paced: "warn", starting: "warn"};
const VERBS = ["suspend", "retry", "hold", "release", "delay", "rebind", "bounce", "delete"];

const level = (mode) => LEVELS[mode] ?? "";

/** What a decision was, and the reply that was its cause. */
const decided = (cause) => html`<div><small class="wide">${cause.reply || `${cause.what}: ${cause.from} → ${cause.to}`}</small></div>`;

const mode = ({row, mode: word, cause}) => html`${level(word) ? html`<a class=${level(word)} href=${links.page("provider", row.name)}>${word}</a>` : word}${row.counts.suspended ? html`, <a class="warn" href=${links.page("provider", row.name)}>${count(row.counts.suspended)} suspended</a>` : nothing}${cause ? html` ${decided(cause)}` : nothing}`;

/** Columns of a table of providers; sorted by the API where it is asked. */
export const columns = () => {
  const replies = ({row}) => links.page("provider", row.name);
  return [
    {title: "provider", sort: "name", cell: ({row}) => links.link("provider", row.name)},
    {title: "mode", note: "the strictest of its scopes, and why", cell: mode},
    {title: "queued", number: true, sort: "queued", cell: ({row}) => count(row.counts.queued)},
    {title: "oldest", number: true, sort: "oldest", cell: ({row}) => age(row.counts.oldest)},
    {title: "ages", note: "up to 5, 10, 20 … 1280 minutes, and older", cell: ({row}) => ages(row.counts.ages)},
    {title: "out/min", number: true, sort: "delivered-minute", cell: ({row}) => count(row.lately.delivered_minute)},
    {title: "allowed/min", number: true, note: "messages a minute that the rates in force let go at most, those that adaptive control has learned too", cell: ({per_second: allowed}) => (allowed == null ? "-" : rate(60 * allowed))},
    {title: "deferred", number: true, sort: "deferral-share", note: "of what was answered in the last hour", cell: (each) => deferred(each.row.lately, replies(each))},
    {title: "bounced", number: true, sort: "bounce-share", note: "of what was answered in the last hour", cell: (each) => bounced(each.row.lately, replies(each))},
    {title: "waits for", note: "and its next retry", cell: ({row}) => html`<span class="wide">${row.waiting_for || "-"}${row.next ? html`, next ${until(row.next)}` : nothing}</span>`},
  ];
};

const list = (data, ctx) => table("Providers", columns(), data.rows, {
  empty: "No mail to anybody, queued or in the last hour.",
  sorting: {by: ctx.state.q.get("sort") ?? "queued", change: (sort) => ctx.set({sort})},
});

const control = (scopes) => table("Scopes that adaptive control limits", [
  {title: "scope", cell: (scope) => scope.scope},
  {title: "mode", cell: (scope) => html`<span class=${level(scope.mode)}>${scope.mode}</span>`},
  {title: "messages a second", number: true, cell: (scope) => (scope.per_second == null ? "not limited" : rate(scope.per_second))},
  {title: "sessions", number: true, cell: (scope) => (scope.window == null ? "as configured" : count(scope.window))},
], scopes, {empty: "Nothing is limited by what was learned."});

const decisions = (list) => table("Last decisions", [
  {title: "at", cell: (each) => time(each.at)},
  {title: "scope", cell: (each) => each.scope},
  {title: "decision", cell: (each) => html`${each.what}${each.from || each.to ? html`: ${each.from || "-"} → ${each.to || "-"}` : nothing}`},
  {title: "because of", cell: (each) => html`<span class="wide">${each.reply || "-"} <small>${[each.bounce_class, each.rule].filter(Boolean).join(", ")}</small></span>`},
  {title: "ends", cell: (each) => html`<span class="wide">${each.ends || "-"}</span>`},
], list, {empty: "None, lately."});

const domains = (queues, provider) => section("Domains", html`${table("Domains", [
  {title: "domain", cell: (row) => links.link("domain", row.name)},
  {title: "queued", number: true, cell: (row) => count(row.counts.queued)},
  {title: "oldest", number: true, cell: (row) => age(row.counts.oldest)},
  {title: "out/min", number: true, cell: (row) => count(row.lately.delivered_minute)},
  {title: "deferred", number: true, cell: (row) => deferred(row.lately, links.page("domain", row.name))},
  {title: "bounced", number: true, cell: (row) => bounced(row.lately, links.page("domain", row.name))},
], queues.rows, {empty: "None with mail queued."})}`, queues.all > queues.rows.length ? html`<a href=${`/console/queues${query({provider})}`}>all ${count(queues.all)}</a>` : nothing);

const one = ({provider, queues, hour}, ctx) => {
  const {rest} = ctx.state;
  const lately = provider.lately;
  return html`${actions(ctx, {provider: [rest]}, VERBS)}
  ${provider.incident ? html`<p class="failure">Incident: many senders are deferred here at one time, so bulk mail waits.</p>` : nothing}
  ${figures("Lately", [
    figure("out, last minute", count(lately.delivered_minute)),
    figure("out, last hour", count(lately.delivered_hour)),
    figure("deferred, last hour", deferred(lately, "#replies"), {note: count(lately.deferred_hour)}),
    figure("bounced, last hour", bounced(lately, "#replies"), {note: count(lately.bounced_hour)}),
  ])}
  ${outcome(provider.why)}
  ${lastHour(hour)}
  ${section("Adaptive control", control(provider.control))}
  ${section("Last decisions", decisions(provider.decisions))}
  ${domains(queues, rest)}
  ${held(provider.why)}`;
};

const paths = (rest) => [`/providers/${encodeURIComponent(rest)}`, `/queues${query({by: "domain", provider: rest, limit: DOMAINS})}`, `/traffic${query({by: "provider", name: rest})}`];
const path = (q) => `/providers${query({sort: q.get("sort"), limit: LIMIT})}`;

export default {
  path: "providers", title: "Providers", key: "o", every: 2_000,
  api: (q, rest) => (rest ? paths(rest) : path(q)),
  cli: (q, rest) => (rest
    ? [command("provider show", quoted(rest)), command("queue list --by domain", options({provider: [rest]}), `--limit ${DOMAINS}`), command("status --hour --by provider", options({name: [rest]}))]
    : command("provider list", q.get("sort") ? `--sort ${q.get("sort")}` : "", `--limit ${LIMIT}`)),
  async load(q, rest, signal) {
    if (!rest) return get(path(q), signal);
    const [provider, queues, hour] = await Promise.all(paths(rest).map((each) => get(each, signal)));
    return {provider, queues, hour};
  },
  view: (data, ctx) => (ctx.state.rest ? one(data, ctx) : list(data, ctx)),
};
