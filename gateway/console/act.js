// What is done to mail, and to the gateway: dialogs that count first, want a reason, and show what the API and the command line would be told.
import {html, nothing} from "./lib/lit-html/lit-html.js";
import {get, post, query, remove, ROOT} from "./api.js";
import {age, count, moment, octets, timeIn, zone} from "./format.js";
import {command, isEverything, options, PLACES, quoted, selected} from "./selection.js";
import {copy, dialog, failure} from "./ui.js";

const LONGEST_REASON = 500; // characters: what logs take of it
const TOP_DOMAINS = 10;

/** Each verb: its button, what it says it will do, its fields (`!` for such as must be filled in) and those that are seldom wanted, whether it can't be undone. */
export const VERBS = {
  suspend: {label: "Suspend", says: "Mail of this selection isn't attempted, what is queued and what comes, until it is resumed or until a time.", fields: ["until"]},
  retry: {label: "Retry now", says: "What waits for its next attempt is due now, and goes at the pace that it may.", more: ["expires"]},
  hold: {label: "Hold", says: "Nothing is attempted until it is released, or until a time; it doesn't become too old meanwhile. Mail that comes later isn't held.", fields: ["until"], more: ["expires"]},
  release: {label: "Release", says: "What is held, by whomever, is due now.", more: ["expires"]},
  delay: {label: "Delay", says: "No attempt before a time.", fields: ["until!"], more: ["expires"]},
  rebind: {label: "Rebind", says: "Another tenant's, another campaign's, or by another pool or route from now on; - stands for none. One at least has to be said.", fields: ["tenant", "campaign", "pool", "route"], more: ["expires"]},
  bounce: {label: "Bounce", says: "Given up as if a host had refused it for good. This can't be undone.", fields: ["report", "text"], more: ["code", "enhanced", "bounce_class", "expires"], destructive: true},
  delete: {label: "Delete", says: "Given up, and nobody is told. This can't be undone.", more: ["text", "code", "enhanced", "bounce_class", "expires"], destructive: true},
};

const later = (typed) => {
  const {at, text} = moment(typed);
  if (at <= Date.now()) throw new Error(`${timeIn(zone(), at)} is over`);
  return {value: at.toISOString(), option: text, hint: timeIn(zone(), at)};
};
const plain = (typed) => ({value: typed.trim(), option: typed.trim()});
const orNone = (typed) => plain(typed.trim() === "-" ? "" : typed);
const like = (pattern, expected, convert = String) => (typed) => {
  if (!pattern.test(typed.trim())) throw new Error(`"${typed.trim()}": expected ${expected}`);
  return {value: convert(typed.trim()), option: typed.trim()};
};
const span = like(/^(\d{1,6}(ms|[wdhms]))+$/, "a duration like 30s or 1h");

/** Each field: its label, its option on the command line, and what reads it: gives {value, option, hint} or throws what is wrong. */
const FIELDS = {
  reason: {label: "reason", option: "--reason", size: 44, read: (typed) => {
    if (typed.trim().length > LONGEST_REASON) throw new Error(`expected at most ${LONGEST_REASON} characters`);
    return plain(typed);
  }},
  until: {label: "until", option: "--until", placeholder: "2h30m, or 2026-12-01 14:05", size: 26, read: later},
  expires: {label: "the job ends, through or not", option: "--expires", placeholder: "1h, or 2026-12-01 14:05", size: 26, read: later},
  tenant: {label: "to tenant", option: "--to-tenant", read: orNone},
  campaign: {label: "to campaign", option: "--to-campaign", read: orNone},
  pool: {label: "to pool", option: "--to-pool", read: orNone},
  route: {label: "to the route of domain", option: "--to-route", placeholder: "- for the recipients' own", size: 26, read: orNone},
  report: {label: "tell the senders", option: "--report", type: "checkbox"},
  text: {label: "what the sender reads", option: "--text", placeholder: "Withdrawn by the administrator of this mail system", size: 44, read: plain},
  code: {label: "reply code", option: "--code", placeholder: "550", size: 6, read: like(/^5\d\d$/, "500 to 599", Number)},
  enhanced: {label: "enhanced status", option: "--status", placeholder: "5.7.1", size: 8, read: like(/^5\.\d{1,3}\.\d{1,3}$/, "5.x.x")},
  bounce_class: {label: "class in the delivery log", option: "--bounce-class", placeholder: "Uncategorized", read: plain},
  announce: {label: "mail is still taken for, while readiness says no", option: "--announce", placeholder: "10s", size: 8, read: span},
  longest: {label: "it stops after, though mail is left", option: "--longest", placeholder: "1h", size: 8, read: span},
};

/** What an operator may do, told to programs and to the command line. */
const told = ({api, cli}) => html`<div class="elsewhere">${[["API", api], ["CLI", cli]].map(([label, text]) => html`<div><span>${label}</span><code>${text}</code>
  <button type="button" @click=${() => copy(text)} aria-label=${`copy ${label}`}>copy</button></div>`)}</div>`;

/**
 * A dialog for an order: fields, a reason, what would be told elsewhere, and each error at its field. `above(again)` draws
 * what stands over the fields; `tell(filled, options)` gives {api, cli}, the same as `send(filled)` does, which gives a
 * promise; `button()` labels what sends, and `refuses()` says why it can't be sent yet, if so. `filled` has what was filled
 * in as the API takes it, the reason too; `options` the same as words of a command.
 */
function order(title, {says, fields = [], more = [], above = () => nothing, tell, send, button = () => title, refuses = () => "", destructive = false, then = () => {}}) {
  const names = [...fields, ...more].map((field) => field.replace("!", ""));
  const all = [...names, "reason"];
  const required = new Set(["reason", ...fields.filter((field) => field.endsWith("!")).map((field) => field.replace("!", ""))]);
  const typed = {}; // by the field's name, as it stands there
  const refused = {}; // by the field's name: what the gateway said of it
  let failed, busy = false, tried = false;
  let read = {};

  /** Only when something was typed, so that what is sent is what was shown, also when it is sent again. */
  const readAll = () => {
    read = {};
    for (const field of all) {
      const text = typed[field] ?? "";
      if (FIELDS[field].type === "checkbox") read[field] = text ? {value: true, option: true} : {};
      else if (text.trim() === "") read[field] = required.has(field) ? {wrong: `${FIELDS[field].label}: this has to be said`} : {};
      else {
        try {
          read[field] = FIELDS[field].read(text);
        } catch (e) {
          read[field] = {wrong: e.message};
        }
      }
    }
  };
  const filled = () => Object.fromEntries(all.filter((field) => read[field].value !== undefined).map((field) => [field, read[field].value]));
  const said = () => all.filter((field) => read[field].option !== undefined || field === "reason")
    .map((field) => read[field].option === true ? FIELDS[field].option : `${FIELDS[field].option} ${quoted(read[field].option ?? "…")}`).join(" ");
  const wrong = (field) => refused[field] ?? (tried ? read[field].wrong : undefined);

  readAll();
  dialog(title, ({element, close, again}) => {
    const take = (event) => {
      const {name: field, type, checked, value} = event.target;
      if (!all.includes(field)) return;
      typed[field] = type === "checkbox" ? checked : value;
      delete refused[field];
      failed = undefined;
      readAll();
      again();
    };
    const submit = async (event) => {
      event.preventDefault();
      tried = true;
      const bad = all.find((field) => wrong(field));
      if (bad || refuses() || busy) {
        again();
        element.querySelector("details:has([aria-invalid])")?.setAttribute("open", "");
        element.querySelector("[aria-invalid]")?.focus();
        return;
      }
      busy = true;
      failed = undefined;
      again();
      try {
        const answer = await send(filled());
        close();
        then(answer);
      } catch (e) {
        busy = false;
        failed = new Error(e.message);
        failed.errors = [];
        for (const each of e.errors ?? []) {
          const field = (each.pointer ?? "").slice(1);
          if (all.includes(field)) refused[field] = each.detail;
          else failed.errors.push(each);
        }
        if (all.some((field) => refused[field]) && failed.errors.length === 0) failed = undefined;
        again();
        element.querySelector("[aria-invalid]")?.focus();
      }
    };
    const input = (field) => {
      const {label, type = "text", placeholder = "", size = 20} = FIELDS[field];
      const complaint = wrong(field), hint = read[field].hint;
      return html`<label class=${type}>${label}<input name=${field} type=${type} placeholder=${placeholder} size=${size} autocomplete="off"
        ?autofocus=${field === (all.find((each) => required.has(each)))} aria-required=${required.has(field) ? "true" : nothing}
        aria-invalid=${complaint ? "true" : nothing} aria-describedby=${complaint || hint ? `about-${field}` : nothing}>
        ${complaint || hint ? html`<small id=${`about-${field}`} class=${complaint ? "bad" : ""}>${complaint ?? hint}</small>` : nothing}</label>`;
    };
    return html`<form class="act" novalidate @input=${take} @submit=${submit}>
      <p>${says}</p>${above(again)}${fields.map((field) => input(field.replace("!", "")))}
      ${more.length ? html`<details><summary>more</summary><div class="act">${more.map(input)}</div></details>` : nothing}
      ${input("reason")}${failed ? failure(failed) : nothing}${told(tell(filled(), said()))}
      <div class="buttons"><button type="button" @click=${close}>cancel</button>
        <button class=${destructive ? "destructive" : "go"} ?disabled=${busy || refuses() !== ""} title=${refuses() || nothing}>${button()}</button></div>
    </form>`;
  });
}

/** How much there is, and of which domains. */
const counts = (counted) => html`<strong>${count(counted.destinations)}</strong> ${counted.destinations === 1 ? "message" : "messages"}, ${octets(counted.octets)}${counted.oldest ? html`, the oldest ${age(counted.oldest)} old` : nothing}${counted.in_hand ? html`, ${count(counted.in_hand)} in sessions' hands` : nothing}`;

/** What a suspension would hold now: it is of places, so reading the queue tells, which the audit log need not know. */
async function countPlaces(mail) {
  const found = await get(`/queues${query({by: "domain", ...mail, limit: TOP_DOMAINS})}`);
  const {queued, octets: size, active, oldest} = found.total;
  return {destinations: queued, octets: size, in_hand: active, oldest, domains: found.rows.map((row) => ({domain: row.name, destinations: row.counts.queued}))};
}

/** What a job would be done to: refused for what the job would be, too. */
async function countJob(verb, which) {
  const needed = verb === "delay" ? {until: new Date(Date.now() + 60_000).toISOString()} : verb === "rebind" ? {tenant: ""} : {};
  return (await post("/jobs", {verb, ...which, ...needed, reason: "counted before it is done", dry_run: true})).count;
}

/** Whether suspending it takes sources out of use, so that their mail goes by others: as verbs.md has it. */
const isOfSources = (selection) => selection.source !== undefined && !(selection.site && selection.provider)
  && Object.keys(selection).every((attribute) => ["source", "site", "provider"].includes(attribute))
  && Object.values(selection).flat().every((value) => !value.includes("*"));

/**
 * A dialog for one verb on one selection; with `choose` the selection is typed in there. `done` is called with what the API
 * answered.
 */
export function act(ctx, verb, selection, done = () => {}, {choose = false} = {}) {
  const {label, says, fields, more, destructive} = VERBS[verb];
  const suspends = verb === "suspend";
  const path = suspends ? "/suspensions" : "/jobs";
  const key = crypto.randomUUID(); // however often the button is pressed, it is one job
  let mail = selection, counted, uncounted, asking, redraw = () => {};
  const which = () => isEverything(mail) ? {everything: true} : {selection: mail};
  const body = (filled) => suspends ? {selection: mail, ...filled} : {verb, ...which(), ...filled, key};

  const countAnew = () => {
    counted = uncounted = undefined;
    const mine = asking = {};
    if (suspends && isEverything(mail)) {
      redraw();
      return;
    }
    (suspends ? countPlaces(mail) : countJob(verb, which())).then((answer) => {
      if (asking !== mine) return;
      counted = answer;
      redraw();
    }, (e) => {
      if (asking !== mine) return;
      uncounted = e;
      redraw();
    });
    redraw();
  };
  const chosen = (event) => {
    const q = new URLSearchParams([...event.currentTarget.querySelectorAll("input")].flatMap((each) => each.value.split(/\s*,\s*/).filter(Boolean).map((value) => [each.dataset.attribute, value.trim()])));
    mail = selected(q, PLACES);
    countAnew();
  };
  const above = (again) => {
    redraw = again;
    return html`${choose ? html`<fieldset @change=${chosen}><legend>of which mail; several values of one, with commas</legend>${PLACES.map((attribute, at) => html`<label>${attribute}<input ?autofocus=${at === 0}
        data-attribute=${attribute} .defaultValue=${(selection[attribute] ?? []).join(", ")} size="18" autocomplete="off" spellcheck="false"></label>`)}</fieldset>` : nothing}
      <p class="selection"><code>${!isEverything(mail) ? options(mail) : suspends ? "nothing yet" : "everything that is queued"}</code></p>
      ${suspends && isOfSources(mail) ? html`<p>That takes the source out of use there: its mail goes by others of its pools, where there are any.</p>` : nothing}
      <p class="counted" role="status">${uncounted ? failure(uncounted) : counted ? counts(counted) : suspends && isEverything(mail) ? "Nothing is selected." : "counting …"}
        ${counted || uncounted ? html`<button type="button" @click=${countAnew}>count again</button>` : nothing}</p>
      ${counted?.domains.length ? html`<ul class="domains">${counted.domains.map((each) => html`<li>${each.domain} ${count(each.destinations)}</li>`)}${counted.domains.length === TOP_DOMAINS ? html`<li>…</li>` : nothing}</ul>` : nothing}`;
  };
  order(label, {
    says, fields, more, above, destructive,
    tell: (filled, said) => ({
      api: `POST ${ROOT}${path} ${JSON.stringify(body(filled))}`,
      cli: command(verb, isEverything(mail) && !suspends ? "--everything" : options(mail), said, suspends ? "" : `--key ${key}`),
    }),
    send: (filled) => post(path, body(filled)),
    button: () => counted ? `${label} ${count(counted.destinations)}` : label,
    refuses: () => !counted ? "it isn't counted" : !suspends && counted.destinations === 0 ? "nothing is selected now" : "",
    then: (answer) => {
      done(answer);
      ctx.go(suspends ? "/console/suspended" : `/console/jobs/${encodeURIComponent(answer.job.id)}`);
    },
  });
  countAnew();
}

/** Buttons for verbs on a selection; none for who may not. */
export const actions = (ctx, selection, verbs) => ctx.can("OPERATE")
  ? html`<div class="actions">${verbs.map((verb) => html`<button class=${VERBS[verb].destructive ? "destructive" : ""} @click=${() => act(ctx, verb, selection)}>${VERBS[verb].label}</button>`)}</div>`
  : nothing;

/** Asks for a reason, then deletes what the path names: a suspension, a job's rest, a session, a drain. */
export function end(ctx, title, says, path, cli, done = ctx.reload) {
  const target = (filled) => `${path}${query({reason: filled.reason})}`;
  order(title, {
    says,
    tell: (filled, said) => ({api: `DELETE ${ROOT}${target({reason: filled.reason ?? "…"})}`, cli: command(cli, said)}),
    send: (filled) => remove(target(filled)),
    then: done,
  });
}

/** Asks how the gateway is to be emptied and stopped. */
export function drain(ctx) {
  order("Drain", {
    says: "Readiness says no first, then no new mail is taken, what is queued goes out, and the gateway stops when that is done or the time is over. What is left stays in the spool. It can be called off until it stops.",
    fields: ["announce", "longest"], destructive: true,
    tell: (filled, said) => ({api: `POST ${ROOT}/drain ${JSON.stringify(filled)}`, cli: command("drain", said)}),
    send: (filled) => post("/drain", filled),
    then: ctx.reload,
  });
}

/** How a job stands now. */
export const job = (id, signal) => get(`/jobs/${encodeURIComponent(id)}`, signal);
