// What is kept back: by operators, who can resume it here; by receivers and by what the gateway has learnt of them.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {act, end} from "../act.js";
import {get, query} from "../api.js";
import {age, count, time, until} from "../format.js";
import {link, page} from "../links.js";
import {section, table} from "../ui.js";
import {mail} from "./jobs.js";

/** Suspensions whose mail is counted: each costs a look at the queue. */
const COUNTED = 20;
const PROVIDERS = 1_000;
/** Modes in which a provider's mail waits. */
const HELD_BACK = {blocked: "bad", incident: "bad", probing: "warn"};

/** How much each of the first holds now. */
const counted = (suspensions, signal) => Promise.all(suspensions.slice(0, COUNTED).map((each) => get(`/queues${query({by: "domain", ...each.selection, limit: 1})}`, signal)
  .then(({total}) => total)));

const byOperators = ({suspensions, totals}, ctx) => section("By operators", html`${table("Suspensions by operators", [
  {title: "suspension", cell: (each) => html`${each.id}${ctx.can("OPERATE") ? html` <button @click=${() => end(ctx, "Resume", `${each.id}: mail goes on, at the pace that it may.`, `/suspensions/${encodeURIComponent(each.id)}`, `resume ${each.id}`)}>Resume</button>` : nothing}`},
  {title: "of", cell: (each) => mail(each.selection)},
  {title: "suspended", number: true, note: "that could go but for this, or another suspension", cell: (each) => count(totals.get(each.id)?.suspended)},
  {title: "queued", number: true, note: "all of it, also what waits for its next attempt", cell: (each) => count(totals.get(each.id)?.queued)},
  {title: "oldest", number: true, cell: (each) => age(totals.get(each.id)?.oldest)},
  {title: "since", cell: (each) => time(each.since)},
  {title: "until", cell: (each) => each.until ? html`${until(each.until)}, ${time(each.until)}` : "it is resumed"},
  {title: "who", cell: (each) => each.who},
  {title: "why", cell: (each) => html`<span class="wide">${each.reason}</span>`},
], suspensions, {empty: "Nobody has suspended anything."})}
  ${suspensions.length > COUNTED ? html`<p><small>What the first ${COUNTED} hold is counted.</small></p>` : nothing}`,
ctx.can("OPERATE") ? html`<button class="go" @click=${() => act(ctx, "suspend", {}, undefined, {choose: true})}>Suspend …</button>` : nothing);

const sources = (list) => section("Sources out of use", table("Sources out of use", [
  {title: "source", cell: ({source}) => link("source", source.name)},
  {title: "towards", cell: ({suspension}) => suspension.towards},
  {title: "cause", cell: ({source, suspension}) => html`<a class=${suspension.cause === "operator" ? "" : "bad"} href=${page("source", source.name)}>${CAUSES[suspension.cause] ?? suspension.cause}</a>`},
  {title: "since", cell: ({suspension}) => time(suspension.since)},
  {title: "until", cell: ({suspension}) => suspension.until ? html`${until(suspension.until)}, ${time(suspension.until)}` : "somebody resumes it"},
  {title: "why", cell: ({suspension}) => html`<span class="wide">${suspension.why}</span>`},
], list, {empty: "Each source is used."}));

const CAUSES = {address: "its address isn't on this machine", proxy: "its proxy can't be used", blocked: "a receiver has blocked it", operator: "an operator"};

const providers = (rows) => section("Providers with mail held back", table("Providers with mail held back", [
  {title: "provider", cell: ({row}) => link("provider", row.name)},
  {title: "mode", cell: ({row, mode}) => HELD_BACK[mode] ? html`<a class=${HELD_BACK[mode]} href=${page("provider", row.name)}>${mode}</a>` : mode},
  {title: "suspended", number: true, cell: ({row}) => row.counts.suspended ? html`<a class="warn" href=${page("provider", row.name)}>${count(row.counts.suspended)}</a>` : 0},
  {title: "queued", number: true, cell: ({row}) => count(row.counts.queued)},
  {title: "oldest", number: true, cell: ({row}) => age(row.counts.oldest)},
  {title: "waits for", cell: ({row}) => html`<span class="wide">${row.waiting_for || "-"}</span>`},
  {title: "next", cell: ({row}) => until(row.next)},
], rows, {empty: "No provider's mail is held back."}));

const holds = (list) => section("All that is suspended, by what holds it", table("What holds suspended mail", [
  {title: "messages", number: true, cell: (hold) => count(hold.destinations)},
  {title: "waits for", cell: (hold) => html`<span class="wide">${hold.what}</span>`},
  {title: "queue", cell: (hold) => hold.queue || "-"},
  {title: "until", cell: (hold) => until(hold.until)},
], list, {empty: "No mail is suspended now."}));

export default {
  path: "suspended", title: "Suspended", key: "u", every: 4_000,
  api: () => ["/suspensions", "/sources", `/providers${query({limit: PROVIDERS})}`, "/why"],
  cli: () => ["penstock suspend --list", "penstock source list", `penstock provider list --limit ${PROVIDERS}`, "penstock why"],
  async load(q, rest, signal) {
    const [{suspensions}, all, {rows}, why] = await Promise.all([get("/suspensions", signal), get("/sources", signal), get(`/providers${query({limit: PROVIDERS})}`, signal), get("/why", signal)]);
    const totals = await counted(suspensions, signal);
    return {
      suspensions, totals: new Map(totals.map((total, at) => [suspensions[at].id, total])),
      sources: all.sources.flatMap((source) => source.suspensions.map((suspension) => ({source, suspension}))),
      providers: rows.filter(({row, mode}) => mode in HELD_BACK || row.counts.suspended),
      holds: why.holds.filter((hold) => hold.state === "suspended"),
    };
  },
  view: (data, ctx) => html`${byOperators(data, ctx)}${sources(data.sources)}${providers(data.providers)}${holds(data.holds)}`,
};
