// Why some mail hasn't gone yet: the counts, what holds it, its ready queues with their limits and last replies.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {query} from "../api.js";
import {count, age, octets, percent, time, until} from "../format.js";
import * as links from "../links.js";
import {ages, figure, figures, section, strip, table} from "../ui.js";

export const outcome = (why) => html`${figures("What is queued", [
  figure("queued", count(why.counts.queued), {note: octets(why.counts.octets)}),
  figure("ready", count(why.counts.ready)),
  figure("suspended", count(why.counts.suspended), {level: why.counts.suspended ? "warn" : "", href: why.counts.suspended ? "#held" : undefined}),
  figure("scheduled", count(why.counts.scheduled), {note: why.next ? html`next ${until(why.next)}` : nothing}),
  figure("held", count(why.counts.held)),
  figure("active", count(why.counts.active)),
  figure("oldest", age(why.counts.oldest), {note: ages(why.counts.ages)}),
  figure("last goes", until(why.last_goes)),
])}`;

const ARROW = "->";

/** The source in a ready queue's name, "source->site". */
export const sourceOf = (name) => (name.includes(ARROW) ? name.slice(0, name.indexOf(ARROW)) : "");

const siteOf = (name) => name.slice(name.indexOf(ARROW) + ARROW.length);

const titled = ({name, provider}) => html`${name.includes(ARROW) ? html`${links.link("source", sourceOf(name))} → ${links.link("site", siteOf(name))}` : name}${provider ? html` <small>${links.link("provider", provider)}</small>` : nothing}`;

/** What receivers said that wasn't yes. Where it is more than some minutes ago, the past may know. */
const replies = (list) => table("Replies", [
  {title: "at", cell: (reply) => time(reply.at)},
  {title: "reply", cell: (reply) => html`<span class=${`wide ${reply.code >= 500 ? "bad" : "warn"}`}>${reply.code} ${reply.enhanced} ${reply.text}</span>`},
  {title: "said by", cell: (reply) => (reply.remote ? "the receiver" : "this gateway")},
  {title: "class", cell: (reply) => reply.bounce_class},
], list, {empty: "No reply that wasn't yes, since these queues have had mail."});

/** Of what operators call a bad day: fewer than nine of ten delivered. */
const GOOD = 0.9;

const events = (outcomes) => {
  const delivered = [...outcomes].filter((each) => each === "d").length;
  return outcomes === "" ? html`<p class="none">No attempt yet.</p>`
    : html`<p>${strip(outcomes)} <span class=${delivered >= GOOD * outcomes.length ? "good" : "bad"}>${delivered} of the last ${outcomes.length} delivered</span></p>`;
};

/** @param alone whether its replies are all that there are, which stand above */
const queue = (each, alone) => html`<section class="queue"><h3>${titled(each)}</h3>
  <p>${count(each.ready)} ready, ${count(each.withheld)} withheld, ${count(each.active)} active; sessions ${each.up} up, ${each.opening} opening, ${each.idle} idle.
  ${each.suspended_why ? html`<strong class="bad">Suspended${each.suspended_until ? html`, ends ${until(each.suspended_until)}` : nothing}: ${each.suspended_why}</strong>` : nothing}
  ${each.waiting_for ? html`Waits for ${each.waiting_for}.` : nothing}
  ${each.last_goes ? html`All that is ready will have gone ${until(each.last_goes)}${each.error == null ? nothing : html` (± ${percent(each.error)})`}.` : nothing}</p>
  ${events(each.strip)}
  ${table(`Limits of ${each.name}`, [
    {title: "limit", cell: (limit) => (limit.binds ? html`<strong title="this one binds">${limit.limiter}</strong>` : limit.limiter)},
    {title: "value", cell: (limit) => limit.value},
    {title: "used", number: true, cell: (limit) => limit.used ?? "-"},
    {title: "of", cell: (limit) => limit.scope || "-"},
    {title: "set at", cell: (limit) => limit.place || "-"},
  ], each.limits, {empty: "No limit."})}
  ${alone || each.replies.length === 0 ? nothing : html`<details><summary>Its last replies</summary>${replies(each.replies)}</details>`}</section>`;

/** @param selection whose mail it is, for links: {domain: "example.com"} */
export const held = (why, selection = {}) => html`<div id="held">${section("What holds it", html`${table("Holds", [
  {title: "messages", number: true, cell: (hold) => count(hold.destinations)},
  {title: "state", cell: (hold) => html`<a href=${`/console/messages${query({...selection, state: hold.state})}`}>${hold.state}</a>`},
  {title: "waits for", cell: (hold) => html`<span class="wide">${hold.what}</span>`},
  {title: "queue", cell: (hold) => (hold.queue ? titled({name: hold.queue}) : "-")},
  {title: "until", cell: (hold) => until(hold.until)},
], why.holds, {empty: why.counts.scheduled ? "Nothing but its time." : "Nothing holds it."})}
  ${why.otherwise ? html`<p>${count(why.otherwise)} are held by what isn't shown.</p>` : nothing}`,
html`<a href=${`/console/messages${query(selection)}`}>the messages</a>`)}</div>
<div id="replies">${section("Last replies", replies(why.replies))}</div>
${section("Ready queues", why.queues.length === 0 ? html`<p class="none">none with mail</p>` : why.queues.map((each) => queue(each, why.queues.length === 1)))}`;
