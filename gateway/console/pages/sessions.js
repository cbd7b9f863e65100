// The SMTP sessions that are open, of clients with us and of ours with hosts, and their dialogues as they happen.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {end} from "../act.js";
import {get, query} from "../api.js";
import {age, count, duration, octets, rate} from "../format.js";
import {link, why} from "../links.js";
import {command, options, selected} from "../selection.js";
import {filters, table} from "../ui.js";
import * as trace from "./trace.js";

const LIMIT = 200;
const ASKED = ["direction", "id", "address", "listener", "login", "source", "site", "provider", "state"];
const TRACE = "trace"; // what follows the page's path there

const path = (q) => `/sessions${query({...selected(q, ASKED), limit: LIMIT})}`;

const FIELDS = [
  {name: "direction", label: "direction", options: [["", "both"], ["in", "in: clients with us"], ["out", "out: ours with hosts"]]},
  {name: "id", label: "id", placeholder: "any", size: 14},
  {name: "address", label: "address", placeholder: "192.0.2.0/24", size: 16},
  ...["listener", "login", "source", "site", "provider"].map((each) => ({name: each, label: each, placeholder: "any", size: 12})),
  {name: "state", label: "state", placeholder: "busy, command, …", size: 12},
];

const named = (what, text) => text ? link(what, text) : "-";

/** The other end: the host's name and address, or what the client calls itself. */
const peer = (session) => html`${session.host ? `${session.host}[${session.peer ?? "?"}]` : session.peer ?? "-"}${session.helo ? html` <small>${session.helo}</small>` : nothing}`;

const outcomes = (session) => session.direction === "in" ? "-"
  : html`${count(session.delivered)} / <span class=${session.deferred ? "warn" : ""}>${count(session.deferred)}</span> / <span class=${session.bounced ? "bad" : ""}>${count(session.bounced)}</span>`;

/** What hosts said no to leads to the last replies of their site. */
const replies = (session) => session.deferred || session.bounced
  ? html`<a href=${why({site: session.site})} title="the replies behind it">${outcomes(session)}</a>` : outcomes(session);

const abort = (ctx, session) => html`<button @click=${() => end(ctx, "End the session",
  session.direction === "in" ? `The client at ${session.peer ?? "?"} is told 421; what is being made durable for it has its answer first.` : `The session with ${session.host ?? session.peer ?? "?"} ends as if the connection were lost; what it has in hand is tried again.`,
  `/sessions/${encodeURIComponent(session.id)}`, `session abort ${session.id}`)}>End</button>`;

const list = ({sessions, matching}, ctx) => {
  const {q} = ctx.state;
  return html`${filters(ctx, FIELDS)}
  <p>${count(matching)} ${matching === 1 ? "session" : "sessions"}${matching > sessions.length ? `, of which the oldest ${count(sessions.length)} are shown` : ""}.
    ${ctx.can("OPERATE") ? html`<a href=${`/console/sessions/${TRACE}${query(trace.like(q))}`}>their dialogues, live</a>` : nothing}</p>
  ${table("Sessions", [
    {title: "session", cell: (session) => html`<a href=${`/console/sessions${query({id: session.id})}`}>${session.id}</a>${ctx.can("OPERATE") ? html` <a href=${`/console/sessions/${TRACE}${query({session: session.id})}`}>trace</a> ${abort(ctx, session)}` : nothing}`},
    {title: "direction", cell: (session) => session.direction},
    {title: "peer", cell: peer},
    {title: "state", cell: (session) => html`${session.state}${session.phase ? `: ${session.phase}` : ""}`},
    {title: "for", number: true, cell: (session) => duration(session.state_seconds)},
    {title: "age", number: true, cell: (session) => age(session.since)},
    {title: "messages", number: true, cell: (session) => count(session.messages)},
    {title: "per s", number: true, cell: (session) => rate(session.per_second)},
    {title: "delivered / deferred / bounced", number: true, note: "recipients", cell: replies},
    {title: "waits for", cell: (session) => session.waiting_for ? html`<span class="wide">${session.waiting_for}</span>` : "-"},
    {title: "in hand", cell: (session) => session.message ? html`<a href=${`/console/messages/${encodeURIComponent(session.message)}`}>${session.message}</a>` : "-"},
    {title: "site", cell: (session) => named("site", session.site)},
    {title: "provider", cell: (session) => named("provider", session.provider)},
    {title: "source", cell: (session) => named("source", session.source)},
    {title: "listener, login", cell: (session) => [session.listener, session.login].filter(Boolean).join(", ") || "-"},
    {title: "protocol", cell: (session) => session.protocol ?? "-"},
    {title: "TLS", cell: (session) => session.tls ?? "in clear"},
    {title: "read", number: true, cell: (session) => session.octets === undefined ? "-" : octets(session.octets)},
  ], sessions, {empty: q.get("id") ? `Session ${q.get("id")} is over, or never was.` : "No session is open."})}
  ${q.get("id") ? html`<p><a href=${`/console/sessions`}>all sessions</a></p>` : nothing}`;
};

export default {
  path: "sessions", title: "Sessions", key: "e", every: 2_000,
  api: (q, rest) => rest === TRACE ? trace.path(q) : path(q),
  cli: (q, rest) => rest === TRACE ? trace.command(q) : command("session list", options(selected(q, ASKED)), `--limit ${LIMIT}`),
  load: (q, rest, signal) => rest === TRACE ? trace.follow(q) : get(path(q), signal),
  view: (data, ctx) => ctx.state.rest === TRACE ? trace.view(ctx) : list(data, ctx),
};
