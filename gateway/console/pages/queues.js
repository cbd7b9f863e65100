// What is queued, by domain, site, provider, source, pool, tenant or campaign; and one domain, or a selection: what holds it, and why.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {actions} from "../act.js";
import {get, query} from "../api.js";
import {age, count, octets, until} from "../format.js";
import {bounced, deferred, lastHour} from "../lately.js";
import * as links from "../links.js";
import {command, options, PLACES, quoted, selected} from "../selection.js";
import {ages, failure, filters, pager, section, table} from "../ui.js";
import {held, outcome, sourceOf} from "./why.js";

const LIMIT = 100;
const BY = ["domain", "site", "provider", "source", "pool", "tenant", "campaign"];
const VERBS = ["suspend", "retry", "hold", "release", "delay", "rebind", "bounce", "delete"];

const by = (q) => q.get("by") ?? "domain";
const isWhy = (q) => q.has("why");
const listed = (q) => `/queues${query({by: by(q), ...selected(q, PLACES), sort: q.get("sort"), offset: q.get("offset"), limit: LIMIT})}`;
const asked = (q) => `/why${query(selected(q, PLACES))}`;

/** Where a row leads: to its page, or to the domains of what it stands for where something else is selected, too. */
const href = (grouping, row, selection) => (Object.keys(selection).length === 0 || grouping === "domain" ? links.page(grouping, row.name)
  : `/console/queues${query({by: "domain", ...selection, ...links.selecting(grouping, row.name)})}`);

/** States whose column is left out where no row has any. */
const SELDOM = ["held", "routing", "suspended"];

/** Columns of a table of rows that are queues; `link` gives where a row leads, `replies` where what was said is. */
const columns = (title, link, replies, rows) => [
  {title, sort: "name", cell: (row) => html`<a href=${link(row)}>${row.name || "-"}</a>`},
  {title: "queued", number: true, sort: "queued", cell: (row) => count(row.counts.queued)},
  {title: "ready", number: true, sort: "ready", cell: (row) => count(row.counts.ready)},
  {title: "suspended", number: true, sort: "suspended", cell: (row) => (row.counts.suspended ? html`<a class="warn" href=${replies(row)}>${count(row.counts.suspended)}</a>` : 0)},
  {title: "scheduled", number: true, sort: "scheduled", cell: (row) => count(row.counts.scheduled)},
  {title: "held", number: true, sort: "held", cell: (row) => count(row.counts.held)},
  {title: "routing", number: true, sort: "routing", cell: (row) => count(row.counts.routing)},
  {title: "active", number: true, sort: "active", cell: (row) => count(row.counts.active)},
  {title: "oldest", number: true, sort: "oldest", cell: (row) => age(row.counts.oldest)},
  {title: "ages", note: "up to 5, 10, 20 … 1280 minutes, and older", cell: (row) => ages(row.counts.ages)},
  {title: "out/min", number: true, sort: "delivered-minute", cell: (row) => count(row.lately.delivered_minute)},
  {title: "deferred", number: true, sort: "deferral-share", note: "of what was answered in the last hour", cell: (row) => deferred(row.lately, replies(row))},
  {title: "bounced", number: true, sort: "bounce-share", note: "of what was answered in the last hour", cell: (row) => bounced(row.lately, replies(row))},
  {title: "waits for", cell: (row) => html`<span class="wide">${row.waiting_for || "-"}${row.next ? html`, ${until(row.next)}` : nothing}</span>`},
].filter(({sort}) => !SELDOM.includes(sort) || rows.some((row) => row.counts[sort] > 0));

const list = ({queues}, ctx) => {
  const grouping = queues.by;
  const selection = selected(ctx.state.q, PLACES);
  const isSelected = Object.keys(selection).length > 0;
  return html`${filters(ctx, [
    {name: "by", label: "by", options: BY.map((each) => [each, each])},
    ...PLACES.slice(0, 7).map((each) => ({name: each, label: each, size: 12, placeholder: "any"})),
  ])}
  ${isSelected ? actions(ctx, selection, VERBS) : nothing}
  <p>${count(queues.total.queued)} queued, ${octets(queues.total.octets)}, the oldest ${age(queues.total.oldest)} old; ${count(queues.all)} ${queues.all === 1 ? "row" : "rows"}.
    <a href=${links.why(selection)}>Why does it wait?</a></p>
  ${table("Queues", columns(grouping, (row) => href(grouping, row, selection), (row) => links.why({...selection, ...links.selecting(grouping, row.name)}), queues.rows), queues.rows, {
    empty: "Nothing is queued that is selected.",
    sorting: {by: ctx.state.q.get("sort") ?? "queued", change: (sort) => ctx.set({sort, offset: null})},
  })}
  ${pager(ctx, {offset: queues.offset, shown: queues.rows.length, all: queues.all, limit: LIMIT})}`;
};

const isSaid = (setting) => setting.section !== "";

const said = (label, list) => table(label, [
  {title: "key", cell: (each) => html`<code>${each.key}</code>`},
  {title: "value", cell: (each) => (each.value === '""' ? "-" : each.value)},
  {title: "set at", cell: (each) => html`<span class="wide">${each.place} <small>${each.section}</small></span>`},
  {title: "over", cell: (each) => html`<span class="wide">${each.overrides.join("; ") || "-"}</span>`},
], list, {empty: "Nothing of it."});

const settings = ({explained, refusal, sources}, ctx) => section("Effective settings", refusal ? failure(refusal) : html`
  <p>${explained.path}, ${explained.provider ? html`${links.link("provider", explained.provider)} by ${explained.provider_match}` : "of no known provider"}; sections: ${explained.sections.join(", then ") || "none"}.
    ${sources.length > 1 ? html`By source: ${sources.map((source) => html`<a href=${`?${new URLSearchParams({source})}`} aria-current=${source === explained.source ? "true" : nothing}>${source}</a> `)}` : nothing}</p>
  ${said("Said in the file", explained.settings.filter(isSaid))}
  <details><summary>As built in</summary>${said("Built in", explained.settings.filter((each) => !isSaid(each)))}</details>
  ${explained.shared.length ? html`<h3>Shared with others</h3>${table("Shared limits", [
    {title: "limit", cell: (each) => html`<code>${each.name}</code>`},
    {title: "of", cell: (each) => each.scope},
    {title: "value", cell: (each) => each.value},
    {title: "set at", cell: (each) => each.place},
  ], explained.shared)}` : nothing}
  <ul>${explained.bounds.map((bound) => html`<li>${bound}</li>`)}</ul>`, ctx.can("OPERATE") ? html`<a href="/console/throttles">throttles</a>` : nothing);

const one = (data, ctx) => html`${actions(ctx, {domain: [ctx.state.rest]}, VERBS)}
  ${outcome(data.why)}${lastHour(data.hour)}${held(data.why, {domain: ctx.state.rest})}${settings(data, ctx)}`;

/** A selection's mail. */
const some = ({why}, ctx) => {
  const selection = selected(ctx.state.q, PLACES);
  return html`<p>Mail of <code>${options(selection) || "everybody to anybody"}</code>; <a href=${`/console/queues${query(selection)}`}>by domain</a></p>
  ${actions(ctx, selection, VERBS)}${outcome(why)}${held(why, selection)}`;
};

let usual = {domain: "", source: undefined}; // the source by which most of the domain's mail goes, that was looked at last

const sourceIn = (q, rest) => q.get("source") ?? (usual.domain === rest ? usual.source : undefined);

const explaining = (q, rest) => `/shaping/explain${query({domain: rest, source: sourceIn(q, rest)})}`;

const paths = (q, rest) => [`/queues/${encodeURIComponent(rest)}`, `/traffic${query({by: "domain", name: rest})}`,
  explaining(q, rest)];

const AGAIN = 30_000; // ms between two looks at what seldom changes
let kept = {}; // {path, at, explained or refusal}: the last settings that were shown

/** A domain that no mail goes to has none. */
async function settingsOf(path, signal) {
  if (kept.path === path && performance.now() - kept.at < AGAIN) return kept;
  try {
    kept = {explained: await get(path, signal)};
  } catch (refusal) {
    if (refusal.name === "AbortError") throw refusal;
    kept = {refusal};
  }
  return Object.assign(kept, {path, at: performance.now()});
}

async function load(q, rest, signal) {
  if (!rest) return isWhy(q) ? {why: await get(asked(q), signal)} : {queues: await get(listed(q), signal)};
  const [why, hour] = await Promise.all(paths(q, rest).slice(0, 2).map((each) => get(each, signal)));
  const sources = [...new Set(why.queues.map((queue) => sourceOf(queue.name)).filter(Boolean))];
  usual = {domain: rest, source: sources[0]};
  const {explained, refusal} = await settingsOf(explaining(q, rest), signal);
  return {why, hour, sources, explained, refusal};
}

export default {
  path: "queues", title: "Queue", key: "q", every: 2_000,
  api: (q, rest) => (rest ? paths(q, rest) : isWhy(q) ? asked(q) : listed(q)),
  cli: (q, rest) => (rest ? [command("queue show", quoted(rest)), command("status --hour --by domain", options({name: [rest]})), command("shaping explain", quoted(rest), options({source: sourceIn(q, rest) ?? []}), "--config …")]
    : isWhy(q) ? command("why", options(selected(q, PLACES)))
      : command("queue list", `--by ${by(q)}`, options(selected(q, PLACES)), q.get("sort") ? `--sort ${q.get("sort")}` : "", q.get("offset") ? `--offset ${q.get("offset")}` : "", `--limit ${LIMIT}`)),
  load,
  view: (data, ctx) => (data.queues ? list(data, ctx) : data.hour ? one(data, ctx) : some(data, ctx)),
};
