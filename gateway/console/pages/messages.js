// Where the mail to X is: what is queued and what became of past mail, by whatever is known of it; and one message's story.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {actions} from "../act.js";
import {get, query} from "../api.js";
import {age, count, duration, moment, name, octets, percent, time, until} from "../format.js";
import {link} from "../links.js";
import {ATTRIBUTES, command, isEverything, options, PLACES, selected} from "../selection.js";
import {filters, section, table} from "../ui.js";

const LIMIT = 50;
const CONFLICT = 409; // RFC 9110 15.5.10: there is no index, or not now
/** Found by their Message-ID field and looked for in the queue; as many as surely fit in one request's line. */
const MOST_IDS = 50;
/** What the index of the delivery log knows of mail. */
const PAST = ["recipient", "domain", "sender", "id", "tenant", "campaign", "message_id", "since", "until", "outcome"];
const NAMES = ["recipient", "domain", "sender", "tenant", "campaign"];
/** What the box at the top stands for. */
const BOX = ["recipient", "id", "message_id", "domain"];
const ID = /^[0-9A-HJKMNP-TV-Z]{13}$/i; // Crockford's base 32
const OUTCOMES = {Reception: "", Delivery: "good", TransientFailure: "warn", Bounce: "bad", Expiration: "bad", Rejection: "bad", AdminBounce: "warn", Preflight: "warn"};
const VERBS_OF_MAIL = ["retry", "hold", "release", "delay", "rebind", "bounce", "delete"];
const USUAL_LAG = 2_000; // ms: the index shows what happened within a second

/** What was typed into the box, as the parameters that it stands for. */
function typed(text) {
  const words = text.trim().split(/\s+/).filter(Boolean);
  const none = Object.fromEntries(BOX.map((each) => [each, null]));
  if (words.length === 0) return none;
  if (/^<.*>$/.test(text.trim())) return {...none, message_id: text.trim()};
  if (words.every((word) => ID.test(word))) return {...none, id: words};
  return words.some((word) => word.includes("@")) ? {...none, recipient: words} : {...none, domain: words};
}

/** What the queue is asked for: it knows domains, and reads who mail is for from the spool, so a recipient's domain is named too. */
function selection(q) {
  const mail = selected(q, ATTRIBUTES);
  return mail.recipient && !mail.domain && mail.recipient.every((address) => address.includes("@"))
    ? {domain: [...new Set(mail.recipient.map((address) => address.slice(address.lastIndexOf("@") + 1)))], ...mail} : mail;
}

/** A suspension is of mail by where it goes and whose it is. */
const verbs = (mail) => Object.keys(mail).every((attribute) => PLACES.includes(attribute)) ? ["suspend", ...VERBS_OF_MAIL] : VERBS_OF_MAIL;

/** Why past mail isn't searched for this; empty when it is. */
function beyond(q) {
  const unknown = ATTRIBUTES.filter((attribute) => !PAST.includes(attribute) && q.get(attribute));
  const many = PAST.filter((attribute) => attribute !== "outcome" && q.getAll(attribute).length > 1);
  return unknown.length ? `The delivery log's index doesn't know mail by ${unknown.join(", ").replaceAll("_", " ")}.`
    : many.length ? `Past mail is found by one ${many[0].replaceAll("_", " ")} at a time.`
      : NAMES.some((attribute) => q.get(attribute)?.includes("*")) ? "Past mail is found by whole names, not by such with *."
      : PAST.some((attribute) => q.get(attribute)) ? "" : "Past mail is found when something of it is named: its recipient, domain, sender, id, tenant, campaign, Message-ID, time or outcome.";
}

/** A moment as the address has it, in the chosen zone, as the API takes it; how long ago stays so. */
const instant = (text) => {
  try {
    return text && moment(text).text;
  } catch {
    return text; // the gateway says what is wrong with it
  }
};
const past = (q) => ({...selected(q, PAST), since: instant(q.get("since")), until: instant(q.get("until")), cursor: q.get("past"), limit: LIMIT});
/** What only past mail has. Such a search leaves the queue out, but for a Message-ID field, whose ids the index tells. */
const isOfPast = (q) => q.get("outcome") || q.get("past");
const queued = (q) => ({...selection(q), cursor: q.get("cursor"), limit: LIMIT});

const one = (id) => `/messages/${encodeURIComponent(id)}`;

const sentence = ({message: text}) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** Whether envelopes were read for what is shown: it isn't asked for again and again then. */
let costly = false;

/** Ticked messages, by id: kept over pages of one search. */
const ticked = {of: "", ids: new Set()};

function ticks(q) {
  const of = new URLSearchParams(q);
  of.delete("cursor");
  of.delete("past");
  if (ticked.of !== of.toString()) Object.assign(ticked, {of: of.toString(), ids: new Set()});
  return ticked.ids;
}

async function search(q, signal) {
  const found = {queued: undefined, past: undefined, off: beyond(q), selection: selection(q)};
  const asking = found.off || q.get("cursor") ? undefined : get(`/history${query(past(q))}`, signal).then((answer) => found.past = answer, (e) => {
    if (e.status !== CONFLICT) throw e;
    found.off = sentence(e);
  });
  if (q.get("message_id")) {
    await asking;
    const ids = [...new Set((found.past?.events ?? []).map((each) => each.id).filter(Boolean))].slice(0, MOST_IDS);
    found.selection = ids.length ? {...found.selection, id: ids} : undefined;
  }
  const queue = isOfPast(q) || !found.selection ? undefined : get(`/messages${query({...queued(q), ...found.selection})}`, signal);
  [found.queued] = await Promise.all([queue, asking]);
  costly = Boolean(found.queued?.looked);
  return found;
}

/** Its story; where it is queued alone when there is no index. */
async function story(id, signal) {
  costly = false;
  try {
    return await get(`${one(id)}/story`, signal);
  } catch (e) {
    if (e.status !== CONFLICT) throw e;
    return {id, events: undefined, off: sentence(e), queued: await get(one(id), signal)};
  }
}

const message = (id) => id ? html`<a href=${`/console/messages/${encodeURIComponent(id)}`}>${id}</a>` : "-";

const box = (ctx) => {
  const {q} = ctx.state;
  const value = BOX.flatMap((attribute) => q.getAll(attribute)).join(" ");
  return html`<form class="box" role="search" aria-label="one box for what is known" @submit=${(e) => {
    e.preventDefault();
    ctx.set({...typed(e.target.elements.what.value), cursor: null, past: null});
  }}><label>recipient, id, &lt;Message-ID&gt; or domain<input name="what" type="search" .value=${value} size="44" placeholder="user@example.com" autocomplete="off" spellcheck="false" autocapitalize="off"></label><button class="go">search</button></form>`;
};

const MORE = [
  {name: "sender", label: "sender", placeholder: "any; - for none"},
  ...["tenant", "campaign", "provider", "site", "source", "pool"].map((each) => ({name: each, label: each, placeholder: "any", size: 12})),
  {name: "class", label: "class", options: [["", "any"], ["transactional", "transactional"], ["bulk", "bulk"]]},
  {name: "state", label: "queued as", options: [["", "any"], ...["scheduled", "held", "routing", "ready", "suspended", "active"].map((each) => [each, each])]},
  {name: "older_than", label: "older than", placeholder: "2h30m", size: 8},
  {name: "younger_than", label: "younger than", placeholder: "2h30m", size: 8},
  {name: "min_attempts", label: "attempts at least", size: 4},
  {name: "max_attempts", label: "attempts at most", size: 4},
  {name: "since", label: "happened since", placeholder: "2h, or 2026-12-01 14:05", size: 22},
  {name: "until", label: "happened before", placeholder: "1h, or 2026-12-01 14:05", size: 22},
  {name: "outcome", label: "what happened", options: [["", "anything"], ...Object.keys(OUTCOMES).map((each) => [each, each])]},
];

const tick = (ctx, ids, id) => html`<input type="checkbox" aria-label=${`tick ${id}`} .checked=${ids.has(id)} @change=${(e) => {
  ids[e.target.checked ? "add" : "delete"](id);
  ctx.draw();
}}>`;

const allOf = (ctx, ids, rows) => html`<input type="checkbox" aria-label="tick all of this page" .checked=${rows.every((row) => ids.has(row.id))} @change=${(e) => {
  for (const row of rows) ids[e.target.checked ? "add" : "delete"](row.id);
  ctx.draw();
}}>`;

const more = (ctx, parameter, cursor) => cursor || ctx.state.q.get(parameter)
  ? html`<div class="pager">${ctx.state.q.get(parameter) ? html`<button @click=${() => ctx.set({[parameter]: null})}>first page</button>` : nothing}
    ${cursor ? html`<button @click=${() => ctx.set({[parameter]: cursor})}>next</button>` : nothing}</div>` : nothing;

const queuedNow = (data, ctx) => {
  const {queued: found} = data;
  if (!found) return data.selection ? nothing : section("Queued now", html`<p class="none">No message with this Message-ID field is found, so that none is looked for in the queue.</p>`);
  const ids = ticks(ctx.state.q);
  const some = {...data.selection, id: [...ids]};
  const may = ctx.can("OPERATE");
  return section("Queued now", html`
    ${found.selected === 0 ? nothing : html`<p>${found.looked ? html`At most ${count(found.selected)}, of which ${count(found.looked)} envelopes were read for this page, which is loaded anew by r alone` : html`${count(found.selected)} ${found.selected === 1 ? "message" : "messages"}`}. A message counts once for each of its recipients' domains.</p>`}
    ${may && !isEverything(data.selection) && found.messages.length ? html`<div class="actions-of"><span>All that are selected, as a job:</span>${actions(ctx, data.selection, verbs(data.selection))}</div>` : nothing}
    ${may && ids.size ? html`<div class="actions-of"><span>${count(ids.size)} ticked:</span>${actions(ctx, some, VERBS_OF_MAIL)}<button @click=${() => {
      ids.clear();
      ctx.draw();
    }}>untick</button></div>` : nothing}
    ${table("Queued messages", [
      ...(may ? [{title: allOf(ctx, ids, found.messages), cell: (row) => tick(ctx, ids, row.id)}] : []),
      {title: "id", cell: (row) => message(row.id)},
      {title: "domain", cell: (row) => link("domain", row.domain)},
      {title: "state", cell: (row) => html`<span class=${row.state === "suspended" ? "warn" : ""}>${row.state}</span>`},
      {title: "attempts", number: true, cell: (row) => row.attempts},
      {title: "age", number: true, cell: (row) => age(row.received)},
      {title: "size", number: true, cell: (row) => octets(row.octets)},
      {title: "next", number: true, cell: (row) => until(row.next)},
      {title: "waits for", cell: (row) => html`<span class="wide long">${row.waiting_for || "-"}</span>`},
      {title: "tenant", cell: (row) => link("tenant", row.tenant)},
      {title: "campaign", cell: (row) => name(row.campaign)},
      {title: "provider", cell: (row) => link("provider", row.provider)},
      {title: "source", cell: (row) => link("source", row.source)},
    ], found.messages, {empty: found.next ? "None on this page; it goes on." : "Nothing of it is queued."})}
    ${more(ctx, "cursor", found.next)}`);
};

/** What an answer of the index leaves out. */
const missing = (reach) => {
  const lines = [
    reach.gone ? `${count(reach.gone)} ${reach.gone === 1 ? "block" : "blocks"} of lines that may fit can't be read: their files of the delivery log are gone.` : "",
    reach.trouble ? `The index doesn't go on: ${reach.trouble}` : "",
    reach.behind_millis >= USUAL_LAG ? `What happened in the last ${duration(reach.behind_millis / 1_000)} isn't all found yet.` : "",
  ].filter(Boolean);
  return lines.length ? html`<p class="warn">${lines.join(" ")}</p>` : nothing;
};

const reply = ({code, enhanced, text, command: to}) => `${code}${enhanced ? ` ${enhanced}` : ""} ${text}${to ? ` (to ${to})` : ""}`;
const outcome = (event) => html`<span class=${OUTCOMES[event.type] ?? ""}>${event.type}</span>`;
const session = ({id}) => id ? html`<a href=${`/console/sessions${query({id})}`}>${id}</a>` : "-";
const host = ({host: of}) => of ? `${of.name}[${of.address}]` : "-";

const happened = (data, ctx) => section("What happened", data.past ? html`${missing(data.past.reach)}
  ${table("What happened", [
    {title: "at", cell: (each) => time(each.at)},
    {title: "what", cell: (each) => each.id ? html`<a href=${`/console/messages/${encodeURIComponent(each.id)}`}>${outcome(each)}</a>` : outcome(each)},
    {title: "id", cell: (each) => message(each.id)},
    {title: "recipients", cell: (each) => html`<span class="wide">${each.recipients.join(", ")}</span>`},
    {title: "reply", cell: (each) => html`<span class="wide long">${reply(each.reply)}</span>`},
    {title: "class", cell: (each) => meaning(each.meaning).length ? each.meaning.bounce_class : "-"},
    {title: "decision", cell: (each) => each.meaning.action || "-"},
    {title: "sender", cell: (each) => name(each.sender)},
    {title: "tenant", cell: (each) => name(each.tenant)},
    {title: "host", cell: (each) => host(each.session)},
    {title: "source", cell: (each) => each.session.source ? link("source", each.session.source) : "-"},
    {title: "session", cell: (each) => session(each.session)},
  ], data.past.events, {empty: data.past.searched ? "Nothing happened that is found." : "Nothing yet: much was read that doesn't fit. It goes on."})}
  ${more(ctx, "past", data.past.next)}` : html`<p class="none">${ctx.state.q.get("cursor") ? "It stands on the first page." : data.off}</p>`);

/** Moments in the address are in UTC: it may be sent to somebody elsewhere. */
const inUtc = ({since, until: before, ...others}) => ({...others, ...(since === undefined ? {} : {since: instant(since)}), ...(before === undefined ? {} : {until: instant(before)})});

const list = (data, ctx) => {
  const {q} = ctx.state;
  ctx.onLeave(() => Object.assign(ticked, {of: "", ids: new Set()}));
  return html`${box(ctx)}
    <details class="more" ?open=${MORE.some((field) => q.get(field.name))}><summary>more to look for</summary>${filters({...ctx, set: (changes) => ctx.set(inUtc(changes))}, MORE)}</details>
    ${queuedNow(data, ctx)}${happened(data, ctx)}`;
};

const INBOUND = ["Reception", "Rejection"];

const secured = (of) => of.tls ? `${of.tls.version} ${of.tls.cipher}${of.tls.result ? `, ${of.tls.result}` : ""}${of.tls.policy ? ` by ${of.tls.policy}` : ""}${of.tls.resumed ? ", resumed" : ""}` : of.id ? "in clear" : "-";

/** Who has brought it and how, or by which way it was tried. */
const way = ({type, session: of, client}) => INBOUND.includes(type)
  ? [["login", client.user], ["helo", client.helo], ["listener", client.listener], ["at", of.local], ["Message-ID", client.message_id]]
  : [["from", of.local], ["pool", of.pool], ["site", of.site]];

const facts = (list) => html`<dl class="facts">${list.filter(([, value]) => value !== "").map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;

/** What a reply was taken to mean; nothing of one that said yes. */
const meaning = ({bounce_class: bounceClass, category, scope, action}) => action || category
  ? [["class", html`${bounceClass}${category ? html` <small>${category}</small>` : nothing}`], ["decision", html`${action}${scope ? html` <small>about ${scope}</small>` : nothing}`]] : [];

const event = (each) => html`<li class=${OUTCOMES[each.type] ?? ""}><h3>${time(each.at)} ${outcome(each)}${INBOUND.includes(each.type) || !each.session.id ? nothing : html` <small>attempt ${each.attempts_before + 1}</small>`}
    <span class="to">${each.recipients.join(", ")}</span></h3>
  <p class="reply">${reply(each.reply)}</p>
  ${facts([
    ...meaning(each.meaning),
    [INBOUND.includes(each.type) ? "client" : "host", each.session.host ? host(each.session) : ""],
    ["source", each.session.source ? link("source", each.session.source) : ""],
    ["TLS", each.session.id ? secured(each.session) : ""],
    ["session", each.session.id ? html`${session(each.session)}${each.session.protocol ? ` ${each.session.protocol}` : ""}` : ""],
    ...way(each),
  ])}</li>`;

const told = (data) => data.events === undefined ? html`<p class="none">${data.off}</p>` : html`${missing(data.reach)}${data.whole ? nothing : html`<p class="warn">More happened than is shown.</p>`}
  ${data.events.length ? html`<ol class="story">${data.events.map(event)}</ol>` : html`<p class="none">Nothing happened to it that is found.</p>`}`;

const STATUS = {delivered: "good", deferred: "warn", untried: ""};

const destination = ({message: to, expected, error, limiter, then, recipients}, ctx) => html`<section><div class="title"><h3>${link("domain", to.domain)} <small>${to.state}</small></h3>
  ${actions(ctx, {id: [to.id], domain: [to.domain]}, VERBS_OF_MAIL)}</div>
  <p>${to.waiting_for ? html`Waits for ${to.waiting_for}.` : nothing} ${to.next ? html`${to.state === "held" ? "The hold ends" : "The next attempt is due"} ${until(to.next)} (${time(to.next)}).` : nothing}
  ${expected ? html`It will probably go ${until(expected)}${error === undefined ? nothing : html` (nine of ten are told to ${percent(error)})`}.` : nothing}
  ${limiter ? html`It waits for its slot of ${limiter}.` : nothing} ${then ? html`Then binds ${then}.` : nothing}</p>
  ${facts([
    ["attempts", to.attempts], ["tenant", link("tenant", to.tenant)], ["campaign", name(to.campaign)], ["class", to.mail_class], ["pool", name(to.pool)],
    ["source", link("source", to.source)], ["site", to.site ? link("site", to.site) : name("")], ["provider", link("provider", to.provider)], ["size", octets(to.octets)],
  ])}
  ${table(`Recipients at ${to.domain}`, [
    {title: "recipient", cell: (each) => each.address},
    {title: "status", cell: (each) => html`<span class=${STATUS[each.status] ?? "bad"}>${each.status}</span>`},
    {title: "last reply", cell: (each) => html`<span class="wide">${each.last_reply || "-"}</span>`},
  ], recipients, {empty: "Its envelope can't be read."})}</section>`;

const whole = (data, ctx) => {
  const {queued: now} = data;
  const first = data.events?.[0];
  const sender = now?.sender ?? first?.sender;
  return html`<p>${sender === undefined ? nothing : html`From <strong>${sender === "" ? "the null sender" : sender}</strong>`}${now?.received ? html`, received ${time(now.received)}` : nothing}${now?.origin ? html` by ${now.origin}` : nothing}${first?.client.message_id ? html`, Message-ID <code>${first.client.message_id}</code>` : nothing}</p>
    ${now && now.destinations.length > 1 ? html`<div class="actions-of"><span>All of it that is queued:</span>${actions(ctx, {id: [data.id]}, VERBS_OF_MAIL)}</div>` : nothing}
    ${section("What happened", told(data))}
    ${section("Queued now", now ? now.destinations.map((each) => destination(each, ctx)) : html`<p class="none">Nothing of it is queued.</p>`)}`;
};

/** The command that finds the same: `find` knows past mail, `list` what is queued by anything. */
function commands(q) {
  const why = beyond(q);
  const find = !why && !q.get("cursor") ? command("message find", options({...selected(q, PAST), ...(q.get("since") ? {since: instant(q.get("since"))} : {}), ...(q.get("until") ? {until: instant(q.get("until"))} : {})}), `--limit ${LIMIT}`, q.get("past") ? `--cursor ${q.get("past")}` : "") : "";
  if (why && isOfPast(q)) return ""; // neither is asked
  return find || command("message list", options(selection(q)), `--limit ${LIMIT}`, q.get("cursor") ? `--cursor ${q.get("cursor")}` : "");
}

export default {
  path: "messages", title: "Messages", key: "m",
  /** Rows don't move while some are ticked. */
  get every() {
    return ticked.ids.size || costly ? Infinity : 4_000;
  },
  api: (q, rest) => rest ? `${one(rest)}/story` : [
    ...(isOfPast(q) || q.get("message_id") ? [] : [`/messages${query(queued(q))}`]),
    ...(beyond(q) || q.get("cursor") ? [] : [`/history${query(past(q))}`]),
  ],
  cli: (q, rest) => rest ? command("message story", rest) : commands(q),
  load: (q, rest, signal) => rest ? story(rest, signal) : search(q, signal),
  view: (data, ctx) => ctx.state.rest ? whole(data, ctx) : list(data, ctx),
};
