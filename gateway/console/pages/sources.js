// The addresses that mail goes by; and one: why it isn't used, how far it is warmed up, what becomes of its mail by provider.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {act, actions, end} from "../act.js";
import {get, query} from "../api.js";
import {count, percent, time, until} from "../format.js";
import {bounced, deferred, lastHour} from "../lately.js";
import * as links from "../links.js";
import {command, options, quoted} from "../selection.js";
import {figure, figures, section, table} from "../ui.js";
import {held, outcome} from "./why.js";

const VERBS = ["suspend", "retry", "hold", "release", "delay", "rebind", "bounce", "delete"];
const OPERATOR = "operator";

/** What was sent today of what may be. */
const bar = ({sent, allowance}) => {
  const part = Math.min(1, sent / Math.max(1, allowance));
  return html`<svg class="bar" viewBox="0 0 100 8" width="100" height="8" preserveAspectRatio="none" role="img" aria-label=${`${count(sent)} of ${count(allowance)} today`}>
    <rect class="all" width="100" height="8"></rect><rect class="part" width=${100 * part} height="8"></rect></svg>`;
};

const warmUp = (each) => (each.allowance == null ? html`<span class="good">warm</span>`
  : html`${bar(each)} ${count(each.sent)} of ${count(each.allowance)}`);

const state = (source) => (source.suspensions.length === 0 ? html`<span class="good">used</span>`
  : source.suspensions.map((each) => html`<div class="wide"><a class=${each.cause === OPERATOR ? "warn" : "bad"} href=${links.page("source", source.name)}>not used ${each.towards}</a>: ${each.why}</div>`));

const pools = (source) => (source.pools.length === 0 ? "-" : source.pools.map((pool) => html`${links.link("pool", pool)} `));

const addresses = (source) => (source.addresses.length === 0 ? "any" : source.addresses.join(" "));

const list = ({sources}) => {
  const page = (source) => links.page("source", source.name);
  return table("Sources", [
    {title: "source", cell: (source) => links.link("source", source.name)},
    {title: "state", cell: state},
    {title: "addresses", cell: addresses},
    {title: "pools", cell: pools},
    {title: "ready", number: true, cell: (source) => count(source.ready)},
    {title: "sessions", number: true, cell: (source) => count(source.sessions)},
    {title: "out/min", number: true, cell: (source) => count(source.lately.delivered_minute)},
    {title: "out/h", number: true, cell: (source) => count(source.lately.delivered_hour)},
    {title: "deferred", number: true, note: "of what was answered in the last hour", cell: (source) => deferred(source.lately, page(source))},
    {title: "bounced", number: true, note: "of what was answered in the last hour", cell: (source) => bounced(source.lately, page(source))},
    {title: "warm-up today", cell: (source) => (source.warm_up.length === 0 ? "-" : html`<ul class="plain">${source.warm_up.map((each) => html`<li>${warmUp(each)} <small>${each.provider || "other domains"}, day ${each.day}</small></li>`)}</ul>`)},
  ], sources, {empty: "No source is configured: mail goes by whatever address the machine has."});
};

/** The operators' suspension that a source isn't used because of: its reason begins with the id. */
const ordered = (suspensions, each) => suspensions.find(({id}) => each.why.startsWith(`${id} by `));

const resume = (ctx, suspension) => (suspension && ctx.can("OPERATE")
  ? html`<button @click=${() => end(ctx, "Resume", "The source is used again, as fast as its receivers allow.", `/suspensions/${suspension.id}`, `resume ${suspension.id}`)}>Resume</button>` : nothing);

const suspended = (source, suspensions, ctx) => section("Suspensions of this source", table("Suspensions", [
  {title: "towards", cell: (each) => each.towards},
  {title: "cause", cell: (each) => each.cause},
  {title: "why", cell: (each) => html`<span class=${`wide ${each.cause === OPERATOR ? "warn" : "bad"}`}>${each.why}</span>`},
  {title: "since", cell: (each) => time(each.since)},
  {title: "until", cell: (each) => (each.until ? until(each.until) : "somebody resumes it")},
  {title: "", cell: (each) => (each.cause === OPERATOR ? resume(ctx, ordered(suspensions, each)) : nothing)},
], source.suspensions, {empty: "It is used towards everybody."}));

const warmUps = (list) => section("Warm-up today", table("Warm-up", [
  {title: "provider", cell: (each) => (each.provider ? links.link("provider", each.provider) : "other domains")},
  {title: "schedule", cell: (each) => each.schedule},
  {title: "day", number: true, cell: (each) => count(each.day)},
  {title: "sent", cell: warmUp},
  {title: "share", number: true, cell: (each) => (each.allowance == null ? "-" : percent(each.sent / Math.max(1, each.allowance)))},
  {title: "next", cell: (each) => until(each.next)},
], list, {empty: "It isn't being warmed up."}));

const byProvider = (source, ctx) => section("By provider, in the last hour", table("By provider", [
  {title: "provider", cell: (row) => links.link("provider", row.name)},
  {title: "out", number: true, cell: (row) => count(row.lately.delivered_hour)},
  {title: "deferred", number: true, cell: (row) => count(row.lately.deferred_hour)},
  {title: "share", number: true, cell: (row) => deferred(row.lately, links.why({source: source.name, provider: row.name}))},
  {title: "bounced", number: true, cell: (row) => count(row.lately.bounced_hour)},
  {title: "share", number: true, cell: (row) => bounced(row.lately, links.why({source: source.name, provider: row.name}))},
  {title: "", cell: (row) => (row.name && ctx.can("OPERATE") ? html`<button @click=${() => act(ctx, "suspend", {source: [source.name], provider: [row.name]})} aria-label=${`Suspend there, towards ${row.name}`}>Suspend there</button>` : nothing)},
], Object.entries(source.by_provider).map(([name, lately]) => ({name, lately})), {empty: "Nothing was sent by it."}));

const one = ({source, suspensions, why, hour}, ctx) => html`${actions(ctx, {source: [source.name]}, VERBS)}
  ${ctx.can("OPERATE") ? html`<p>Suspended, it isn't used and its mail goes by the others of its pools; towards one provider alone, below. The other buttons are about the mail that is to go by it.</p>` : nothing}
  <p>${addresses(source)}${source.ehlo ? html`, EHLO ${source.ehlo}` : nothing}${source.proxy ? html`, by the proxy ${source.proxy}` : nothing}; pools: ${pools(source)}</p>
  ${figures("Lately", [
    figure("ready", count(source.ready)),
    figure("sessions", count(source.sessions)),
    figure("out, last minute", count(source.lately.delivered_minute)),
    figure("out, last hour", count(source.lately.delivered_hour)),
    figure("deferred, last hour", deferred(source.lately, "#replies"), {note: count(source.lately.deferred_hour)}),
    figure("bounced, last hour", bounced(source.lately, "#replies"), {note: count(source.lately.bounced_hour)}),
  ])}
  ${suspended(source, suspensions, ctx)}
  ${warmUps(source.warm_up)}
  ${lastHour(hour)}
  ${byProvider(source, ctx)}
  ${outcome(why)}${held(why, {source: source.name})}`;

const paths = (rest) => [`/sources/${encodeURIComponent(rest)}`, "/suspensions", `/why${query({source: rest})}`, `/traffic${query({by: "source", name: rest})}`];

export default {
  path: "sources", title: "Sources", key: "s", every: 2_000,
  api: (q, rest) => (rest ? paths(rest) : "/sources"),
  cli: (q, rest) => (rest
    ? [command("source show", quoted(rest)), command("suspend --list"), command("why", options({source: [rest]})), command("status --hour --by source", options({name: [rest]}))]
    : command("source list")),
  async load(q, rest, signal) {
    if (!rest) return get("/sources", signal);
    const [source, {suspensions}, why, hour] = await Promise.all(paths(rest).map((each) => get(each, signal)));
    return {source, suspensions, why, hour};
  },
  view: (data, ctx) => (ctx.state.rest ? one(data, ctx) : list(data)),
};
