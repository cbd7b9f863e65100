// Tenants and campaigns: how much they send, what bounces and what is deferred, by provider, against what receivers ask for.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {actions} from "../act.js";
import {get, query} from "../api.js";
import {age, count, octets, percent} from "../format.js";
import {answered, bounced, DEFERRED, deferred, lastHour} from "../lately.js";
import * as links from "../links.js";
import {command, options, selected} from "../selection.js";
import {figure, figures, section, table} from "../ui.js";
import {held, outcome} from "./why.js";

const LIMIT = 100;
/** All that have figures of their own, and (other). */
const ALL = 1_000;
const VERBS = ["suspend", "retry", "hold", "release", "delay", "rebind", "bounce", "delete"];
/** The marks that Gmail and Yahoo have for complaints. */
const BOUNCED = {warn: 0.001, bad: 0.003};

const MARKS = html`<p class="wide">Shares are of what was answered in the last hour. Bounces are held against the marks that Gmail and Yahoo have for complaints, since complaints come to
  whoever owns the domain and not to this gateway: <span class="warn">amber</span> from 0.1 %, below which they want a sender to stay, <span class="bad">red</span> from 0.3 %, above which they help nobody.
  Deferrals, which come days before worse does, are <span class="warn">amber</span> from 5 %, <span class="bad">red</span> from 20 %.</p>`;

const by = (q) => (q.get("by") === "campaign" ? "campaign" : "tenant");
/** Which one is looked at, or none. */
const isOne = (q) => q.has(by(q));
const selection = (q) => selected(q, ["tenant", "campaign"]);
/** As the rows are called. */
const rowName = (q) => (by(q) === "campaign" ? (q.get("campaign") === "-" ? "" : `${q.get("tenant") === "-" ? "" : q.get("tenant") ?? ""}/${q.get("campaign")}`) : q.get("tenant") === "-" ? "" : q.get("tenant"));
const listed = (q) => `/${by(q)}s${query({sort: q.get("sort"), limit: LIMIT})}`;

const replies = (grouping, row, provider) => links.why({...links.selecting(grouping, row.name), ...(provider === undefined ? {} : {provider})});

/** How much is queued of what a limit allows. */
const of = (now, limit, text) => (limit == null ? text(now) : html`${text(now)} <small>of ${text(limit)}</small>`);

/** The providers at which a share is above a mark. */
const worst = (grouping, {row, by_provider: providers}) => Object.entries(providers).filter(([, lately]) => answered(lately) > 0
  && (lately.deferral_share >= DEFERRED.warn || lately.bounce_share >= BOUNCED.warn)).map(([provider, lately]) => {
  const href = replies(grouping, row, provider);
  return html`<li>${links.link("provider", provider)}${lately.deferral_share >= DEFERRED.warn ? html` ${deferred(lately, href)} deferred` : nothing}${lately.bounce_share >= BOUNCED.warn ? html` ${bounced(lately, href, BOUNCED)} bounced` : nothing}</li>`;
});

const columns = (grouping) => [
  {title: grouping, sort: "name", cell: ({row}) => (row.name === "(other)" ? html`<span title="all that have no figures of their own">(other)</span>` : links.link(grouping, row.name))},
  {title: "out/min", number: true, sort: "delivered-minute", cell: ({row}) => count(row.lately.delivered_minute)},
  {title: "out/h", number: true, sort: "delivered-hour", cell: ({row}) => count(row.lately.delivered_hour)},
  {title: "bounced", number: true, sort: "bounce-share", cell: ({row}) => bounced(row.lately, replies(grouping, row), BOUNCED)},
  {title: "deferred", number: true, sort: "deferral-share", cell: ({row}) => deferred(row.lately, replies(grouping, row))},
  {title: "above a mark at", cell: (each) => html`<ul class="plain">${worst(grouping, each)}</ul>`},
  {title: "queued", number: true, sort: "queued", cell: (each) => of(each.row.counts.queued, each.queue_limit, count)},
  {title: "size", number: true, sort: "octets", cell: (each) => of(each.row.counts.octets, each.octets_limit, octets)},
  {title: "oldest", number: true, sort: "oldest", cell: ({row}) => age(row.counts.oldest)},
  {title: "waits for", cell: ({row}) => html`<span class="wide">${row.waiting_for || "-"}</span>`},
];

const tabs = (q) => html`<p class="tabs">${[["tenant", "Tenants"], ["campaign", "Campaigns"]].map(([word, title]) => html`<a href=${`/console/tenants${word === "campaign" ? "?by=campaign" : ""}`} aria-current=${by(q) === word ? "page" : nothing}>${title}</a> `)}</p>`;

const list = ({grouping, tenants}, ctx) => html`${tabs(ctx.state.q)}${MARKS}
  ${table(grouping === "tenant" ? "Tenants" : "Campaigns", columns(grouping), tenants, {
    empty: `No ${grouping} with mail, queued or in the last hour.`,
    sorting: {by: ctx.state.q.get("sort") ?? "queued", change: (sort) => ctx.set({sort})},
  })}`;

const byProvider = (grouping, {row, by_provider: providers}) => section("By provider, in the last hour", table("By provider", [
  {title: "provider", cell: (each) => links.link("provider", each.name)},
  {title: "out", number: true, cell: (each) => count(each.lately.delivered_hour)},
  {title: "bounced", number: true, cell: (each) => count(each.lately.bounced_hour)},
  {title: "share", number: true, cell: (each) => bounced(each.lately, replies(grouping, row, each.name), BOUNCED)},
  {title: "deferred", number: true, cell: (each) => count(each.lately.deferred_hour)},
  {title: "share", number: true, cell: (each) => deferred(each.lately, replies(grouping, row, each.name))},
], Object.entries(providers).map(([name, lately]) => ({name, lately})), {empty: "Nothing was sent."}));

const NOTHING = {delivered_minute: 0, delivered_hour: 0, deferred_hour: 0, bounced_hour: 0, deferral_share: 0, bounce_share: 0};

const one = ({grouping, name, found, why, hour, campaigns}, ctx) => {
  const selecting = selection(ctx.state.q);
  const {queue_limit: most, octets_limit: mostOctets, row: {lately, counts}} = found;
  return html`${tabs(ctx.state.q)}<h2>${name === "" ? `without a ${grouping}` : name}</h2>${actions(ctx, selecting, VERBS)}${MARKS}
  ${figures("Lately", [
    figure("out, last minute", count(lately.delivered_minute)),
    figure("out, last hour", count(lately.delivered_hour)),
    figure("bounced, last hour", bounced(lately, "#replies", BOUNCED), {note: count(lately.bounced_hour)}),
    figure("deferred, last hour", deferred(lately, "#replies"), {note: count(lately.deferred_hour)}),
    ...(most == null ? [] : [figure("of its queue", percent(counts.queued / Math.max(1, most)), {note: `of ${count(most)}`})]),
    ...(mostOctets == null ? [] : [figure("of its octets", percent(counts.octets / Math.max(1, mostOctets)), {note: `of ${octets(mostOctets)}`})]),
  ])}
  ${byProvider(grouping, found)}
  ${lastHour(hour)}
  ${campaigns ? section("Campaigns", table("Campaigns", columns("campaign"), campaigns, {empty: "None with mail, queued or in the last hour."})) : nothing}
  ${outcome(why)}${held(why, selecting)}`;
};

const paths = (q) => [`/${by(q)}s?limit=${ALL}`, `/why${query(selection(q))}`, `/traffic${query({by: by(q), name: rowName(q) || "-"})}`,
  ...(by(q) === "tenant" ? [`/campaigns?limit=${ALL}`] : [])];

async function load(q, rest, signal) {
  const grouping = by(q);
  if (!isOne(q)) return {grouping, tenants: (await get(listed(q), signal)).tenants};
  const name = rowName(q);
  const [all, why, hour, campaigns] = await Promise.all(paths(q).map((each) => get(each, signal)));
  const found = all.tenants.find(({row}) => row.name === name) ?? {row: {name, lately: NOTHING, counts: why.counts}, by_provider: {}};
  return {grouping, name, found, why, hour, campaigns: campaigns?.tenants.filter(({row}) => row.name.startsWith(`${name}/`))};
}

export default {
  path: "tenants", title: "Tenants", key: "n", every: 2_000,
  api: (q) => (isOne(q) ? paths(q) : listed(q)),
  cli: (q) => (isOne(q)
    ? [command(by(q), "list", `--limit ${ALL}`), command("why", options(selection(q))), command("status --hour", `--by ${by(q)}`, options({name: [rowName(q) || "-"]})), ...(by(q) === "tenant" ? [command("campaign list", `--limit ${ALL}`)] : [])]
    : command(by(q), "list", q.get("sort") ? `--sort ${q.get("sort")}` : "", `--limit ${LIMIT}`)),
  load,
  view: (data, ctx) => (data.tenants ? list(data, ctx) : one(data, ctx)),
};
