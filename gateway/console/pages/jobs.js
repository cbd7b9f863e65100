// What is done to queued mail as jobs, how far each is; and the drain, which empties the gateway and stops it.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {drain, end} from "../act.js";
import {get, query} from "../api.js";
import {count, duration, percent, time, until} from "../format.js";
import {asked, command, options} from "../selection.js";
import {figure, figures, section, table} from "../ui.js";

const LIMIT = 100;
const LEVEL = {failed: "bad", canceled: "warn", expired: "warn", running: "good"};

const path = (rest) => rest ? `/jobs/${encodeURIComponent(rest)}` : `/jobs${query({limit: LIMIT})}`;

/** What a selection as the API answers it names, leading to its queued messages. */
export const mail = (selection) => html`<a class="wide" href=${`/console/messages${query(asked(selection))}`}><code>${options(selection) || "everything"}</code></a>`;

const looked = (job) => job.done + job.skipped + job.failed;

const progress = (job) => job.counted === undefined ? (job.ended ? "-" : "counting …")
  : html`<progress aria-label=${`progress of ${job.id}`} max=${Math.max(1, job.counted)} value=${job.counted === 0 ? 1 : Math.min(job.counted, looked(job))}></progress> ${job.counted ? percent(Math.min(1, looked(job) / job.counted)) : ""}`;

const state = (job) => html`<span class=${job.failed && job.state === "done" ? "bad" : LEVEL[job.state] ?? ""}>${job.state}</span>`;

const href = (job) => `/console/jobs/${encodeURIComponent(job.id)}`;

const cancel = (ctx, job) => job.ended || !ctx.can("OPERATE") ? nothing
  : html`<button @click=${() => end(ctx, "Cancel the job", `${job.id}, ${job.verb}: what it has done stays done, the rest isn't touched.`, `/jobs/${encodeURIComponent(job.id)}`, `job cancel ${job.id}`)}>Cancel</button>`;

const PHASES = {
  open: "Nobody empties the gateway.",
  announced: "Readiness says no, so that no new mail is sent here; what comes is still taken.",
  refusing: "No new mail is taken; what is queued goes out.",
  stopping: "The gateway stops.",
};

const draining = (now, ctx) => section("Drain", html`<p class=${now.phase === "open" ? "" : "warn"}>${PHASES[now.phase] ?? now.phase}
    ${now.refuses && now.phase === "announced" ? html` New mail is refused ${until(now.refuses)}.` : nothing}
    ${now.stops ? html` It stops ${until(now.stops)} at the latest. By ${now.who}: ${now.reason}` : nothing}</p>`,
  !ctx.can("OPERATE") || now.phase === "stopping" ? nothing : now.phase === "open"
    ? html`<button class="destructive" @click=${() => drain(ctx)}>Drain …</button>`
    : html`<button @click=${() => end(ctx, "Call the drain off", "Mail is taken again.", "/drain", "drain --cancel")}>Call it off</button>`);

const list = ({jobs, drain: now}, ctx) => html`<section>${table("Jobs", [
  {title: "job", cell: (job) => html`<a href=${href(job)}>${job.id}</a> ${cancel(ctx, job)}`},
  {title: "verb", cell: (job) => job.verb},
  {title: "of", cell: (job) => mail(job.selection)},
  {title: "why", cell: (job) => html`<span class="wide">${job.reason} <small>${job.who}</small></span>`},
  {title: "state", cell: (job) => html`<a href=${href(job)}>${state(job)}</a>`},
  {title: "progress", cell: progress},
  {title: "counted", number: true, cell: (job) => count(job.counted)},
  {title: "done", number: true, cell: (job) => count(job.done)},
  {title: "skipped", number: true, note: "to which it means nothing", cell: (job) => count(job.skipped)},
  {title: "failed", number: true, cell: (job) => job.failed ? html`<a class="bad" href=${href(job)}>${count(job.failed)}</a>` : 0},
  {title: "begun", cell: (job) => time(job.created)},
  {title: "ended", cell: (job) => time(job.ended)},
], jobs, {empty: "No job is under way, and none was in the last 30 days."})}</section>${draining(now, ctx)}`;

/** What its verb does besides: until when, as whose, in which words. */
const DETAILS = {
  until: (value) => html`until ${time(value)}`, expires: (value) => html`it ends at the latest ${time(value)}`,
  tenant: (value) => `to tenant ${value || "-"}`, campaign: (value) => `to campaign ${value || "-"}`, pool: (value) => `to pool ${value || "-"}`,
  route: (value) => `to the route of ${value || "the recipients' own domain"}`,
  code: (value, {enhanced, text, bounce_class: bounceClass}) => `as ${value} ${enhanced} ${text} (${bounceClass})`,
  report: (value) => (value ? "senders are told" : "nobody is told"),
};

const details = ({details: of}) => Object.entries(DETAILS).filter(([field]) => of[field] !== undefined)
  .map(([field, says], at) => html`${at ? ", " : ""}${says(of[field], of)}`);

const one = (job, ctx) => html`
  <p>${job.verb} of ${mail(job.selection)} by ${job.who}: ${job.reason}</p>
  ${Object.keys(job.details).length ? html`<p>${details(job)}.</p>` : nothing}
  ${figures(`Job ${job.id}`, [
    figure("state", state(job)),
    figure("counted", count(job.counted), {note: "when it began"}),
    figure("done", count(job.done)),
    figure("skipped", count(job.skipped), {note: "it means nothing to them"}),
    figure("failed", count(job.failed), {level: job.failed ? "bad" : "", href: job.failed ? "#error" : undefined}),
    figure("in hand", count(job.in_hand), {note: "done when sessions give them back"}),
    figure("begun", time(job.created)),
    figure(job.ended ? "ended" : "under way for", job.ended ? time(job.ended) : duration((Date.now() - new Date(job.created)) / 1_000)),
  ])}
  <p class="progress">${progress(job)}</p>
  ${job.error ? section("The last error", html`<p id="error" class="bad">${job.error}</p>`) : nothing}
  <div class="actions">${cancel(ctx, job)}<a href="/console/jobs">all jobs</a> <a href=${`/console/audit${query({who: job.who})}`}>what ${job.who} has done</a></div>`;

export default {
  path: "jobs", title: "Jobs", key: "j", every: 1_000,
  api: (q, rest) => rest ? path(rest) : [path(), "/drain"],
  cli: (q, rest) => rest ? command("job show", rest) : [command("job list", `--limit ${LIMIT}`), "penstock drain --status"],
  async load(q, rest, signal) {
    if (rest) return get(path(rest), signal);
    const [{jobs}, now] = await Promise.all([get(path(), signal), get("/drain", signal)]);
    return {jobs, drain: now};
  },
  view: (data, ctx) => ctx.state.rest ? one(data, ctx) : list(data, ctx),
};
