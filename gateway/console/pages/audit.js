// Who has changed what, and why, and what came of it.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {get, query} from "../api.js";
import {count, duration, time} from "../format.js";
import {command, options, quoted} from "../selection.js";
import {filters, table} from "../ui.js";

const LIMIT = 100;
const FAILED = 400; // of HTTP, from here on
const OVER = "job-over";

/** What a verb's operation is called by those who ask for it. */
const WORDS = {
  "POST /suspensions": "suspend", "DELETE /suspensions/{id}": "resume", "DELETE /jobs/{id}": "cancel a job",
  "POST /drain": "drain", "DELETE /drain": "end the drain", "DELETE /sessions/{id}": "abort a session",
  "POST /config/reload": "read the files anew", "POST /tokens": "make a token", "DELETE /tokens/{id}": "revoke a token",
  "POST /config/gateway/apply": "change the configuration", "POST /config/gateway/rollback": "go back to a configuration",
  "POST /config/gateway/check": "check a configuration", "POST /config/gateway/diff": "compare a configuration",
  "POST /config/shaping/apply": "change throttles", "POST /config/shaping/rollback": "go back to throttles",
  "POST /config/shaping/check": "check throttles", "POST /config/shaping/diff": "compare throttles", [OVER]: "a job is over",
};

const UNITS = {s: 1, m: 60, h: 3_600, d: 86_400};

/** 2h, 1d: so long ago, to the minute, so that the address stays an address; what is an instant stays one. */
function instant(text) {
  const [, number, unit] = /^(\d+)([smhd])$/.exec(text ?? "") ?? [];
  if (!number) return text;
  const minute = Math.floor(Date.now() / 60_000) * 60;
  return new Date((minute - number * UNITS[unit]) * 1_000).toISOString().replace(".000", "");
}

const parameters = (q) => ({
  who: q.get("who"), verb: q.get("verb"), since: instant(q.get("since")), until: instant(q.get("until")),
  failed: q.get("failed"), before: q.get("before"), limit: LIMIT,
});

const path = (q) => `/audit${query(parameters(q))}`;

function words({request}) {
  const {verb, what} = request;
  const word = verb === "POST /jobs" ? `${what?.verb ?? "a job"}` : WORDS[verb] ?? verb;
  return what?.dry_run ? `${word} (dry run)` : word;
}

/** Where what it concerned is to be seen. */
function concerned({request, result}) {
  const [, kind, id] = request.path.split("?")[0].split("/");
  const job = kind === "jobs" ? id ?? result?.answer : undefined;
  if (job) return html`<a href=${`/console/jobs/${encodeURIComponent(decodeURIComponent(job))}`}>${decodeURIComponent(job)}</a>`;
  if (kind === "suspensions") return html`<a href="/console/suspended">${id ? decodeURIComponent(id) : result?.answer ?? ""}</a>`;
  if (kind === "tokens") return html`<a href="/console/access">${id ? decodeURIComponent(id) : request.what?.name ?? ""}</a>`;
  if (request.path.startsWith("/config/shaping")) return html`<a href="/console/throttles">shaping file</a>`;
  if (kind === "sessions") return html`<a href=${`/console/sessions${query({id: decodeURIComponent(id)})}`}>${decodeURIComponent(id)}</a>`;
  return kind === "config" ? html`<a href="/console/configuration/file">configuration</a>` : id ? decodeURIComponent(id) : "";
}

/** The rest of what was sent, but for what is told otherwise. */
const said = (what) => Object.entries(what ?? {}).filter(([name]) => !["verb", "dry_run", "key"].includes(name))
  .map(([name, value]) => `${name.replaceAll("_", " ")} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");

const selection = ({request}) => html`<span class="text">${request.selection && Object.keys(request.selection).length
  ? html`<code>${options(request.selection)}</code> ` : request.what?.everything ? "everything " : nothing}${said(request.what)}</span>`;

const came = (result) => !result ? html`<span class="warn" title="under way, or the gateway was killed meanwhile">no result</span>`
  : result.status >= FAILED ? html`<span class="text bad">${result.status} ${result.detail ?? ""}</span>`
    : html`<span title=${result.status}>done</span>`;

/** What the job came to whose order this is. */
function end(over, at) {
  const {done, counted, failed, state} = over.request.what ?? {};
  return html`<span class=${`text ${over.result?.status >= FAILED ? "bad" : ""}`}>${state ?? "over"}: ${count(done)} of ${count(counted)}${failed ? `, ${count(failed)} failed` : ""}, after ${duration((new Date(over.at) - new Date(at)) / 1_000)}${over.result?.detail ? `: ${over.result.detail}` : ""}</span>`;
}

/** A job's end stands with its order, when both are on the page. */
function joined(entries) {
  const ordered = new Set(entries.filter((each) => each.request.verb === "POST /jobs").map((each) => each.result?.answer).filter(Boolean));
  const ends = new Map(entries.filter((each) => each.request.verb === OVER).map((each) => [each.result?.answer, each]));
  return entries.filter((each) => each.request.verb !== OVER || !ordered.has(each.result?.answer))
    .map((each) => ({...each, over: each.request.verb === "POST /jobs" ? ends.get(each.result?.answer) : undefined}));
}

const failed = (row) => row.result?.status >= FAILED || row.over?.result?.status >= FAILED;

const log = (entries) => table("What was done", [
  {title: "at", cell: (row) => time(row.at)},
  {title: "who", cell: (row) => html`<a href=${`/console/audit${query({who: row.request.who})}`} title="all that he did">${row.request.who}</a> <small title=${`with the role ${row.request.role.toLowerCase()}, from ${row.request.from}`}>${row.request.via}</small>`},
  {title: "what", cell: (row) => html`<span title=${`${row.request.verb}, request ${row.id}`}>${words(row)}</span><br>${concerned(row)}`},
  {title: "why", cell: (row) => html`<span class="text">${row.request.reason ?? "-"}</span>`},
  {title: "came to", cell: (row) => (row.over ? end(row.over, row.at) : came(row.result))},
  {title: "how many", number: true, cell: (row) => count(row.over?.result?.count ?? row.result?.count)},
  {title: "which mail, and how", cell: selection},
], joined(entries), {empty: "Nothing was done that is looked for.", rowClass: (row) => (failed(row) ? "failed" : "")});

export default {
  path: "audit", title: "Audit", key: "a", every: 5_000,
  api: path,
  cli(q) {
    const {who, verb, since, until, before} = parameters(q);
    return command("audit list", ...Object.entries({who, verb, since, until}).map(([name, value]) => (value ? `--${name} ${quoted(value)}` : "")),
      q.get("failed") ? "--failed" : "", before ? `--before ${before}` : "", `--limit ${LIMIT}`);
  },
  load: (q, rest, signal) => get(path(q), signal),
  view: (data, ctx) => html`${filters(ctx, [
    {name: "who", label: "who", placeholder: "anybody"},
    {name: "verb", label: "method and path", placeholder: "POST /jobs"},
    {name: "since", label: "since", placeholder: "2h, or 2026-12-01T08:00:00Z", size: 24},
    {name: "until", label: "until", placeholder: "now", size: 24},
    {name: "failed", label: "came to", options: [["", "whatever"], ["true", "failed, or no result"]]},
  ])}
  ${log(data.entries)}
  <div class="pager">${ctx.state.q.get("before") ? html`<button @click=${() => ctx.set({before: null})}>newest</button>` : nothing}
    ${data.next ? html`<button @click=${() => ctx.set({before: data.next})}>older</button>` : nothing}</div>`,
};
