// SMTP dialogues as they happen: one watch at a time, of what the address asks for, which ends when the page is left.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {events, query} from "../api.js";
import {count, duration} from "../format.js";
import {command as penstock, options, selected} from "../selection.js";
import {copy, failure, filters} from "../ui.js";

const MOST = 1_000; // lines that are shown; older ones go
const NANOS_OF_A_SECOND = 1e9;
const ASKED = ["direction", "session", "address", "domain", "tenant", "listener", "source", "site", "provider", "for"];

const FIELDS = [
  {name: "direction", label: "direction", options: [["", "both"], ["in", "in: clients with us"], ["out", "out: ours with hosts"]]},
  {name: "session", label: "session", placeholder: "any", size: 14},
  {name: "address", label: "address", placeholder: "192.0.2.0/24", size: 16},
  {name: "domain", label: "domain of sender or recipient", placeholder: "any"},
  ...["tenant", "listener", "source", "site", "provider"].map((each) => ({name: each, label: each, placeholder: "any", size: 12})),
  {name: "headers", label: "header sections", options: [["", "left out"], ["true", "shown"]]},
  {name: "for", label: "for", placeholder: "10m", size: 6},
];

const parameters = (q) => ({...selected(q, ASKED), headers: q.get("headers") === "true"});

export const path = (q) => `/trace${query(parameters(q))}`;

export const command = (q) => penstock("trace", options(selected(q, ASKED)), q.get("headers") === "true" ? "--headers" : "");

/** What of a list of sessions a trace can be asked for too. */
export const like = (q) => ({...selected(q, ["direction", "address", "listener", "source", "site", "provider"]), session: q.getAll("id")});

/** Lines are put in here as they come, past lit: it need not look at a thousand of them for each that is new. */
const log = document.createElement("div");
log.className = "log";
log.setAttribute("role", "region");
log.setAttribute("aria-label", "Dialogues");
log.tabIndex = 0;

/** The watch: idle, or what it is of (path), what ends it, for how many seconds; then why it is over. */
let watch = {state: "idle"};
let leftOut = 0;
let lines = 0;

/** C: and S: as penstock trace has them. */
const SPEAKERS = {client: "C: ", server: "S: "};

const written = (line) => `${line.session} ${line.direction.padEnd(3)} ${(line.nanos / NANOS_OF_A_SECOND).toFixed(6).padStart(10)} ${SPEAKERS[line.speaker] ?? "-- "}${line.text}`;

function shown({event, data}) {
  const row = document.createElement("div");
  if (event === "left-out") {
    row.className = "warn";
    row.textContent = `… ${count(data.left_out)} ${data.left_out === 1 ? "line" : "lines"} left out`;
    leftOut += data.left_out;
  } else {
    lines++;
    row.className = data.speaker === "server" && /^[45]/.test(data.text) ? "bad" : data.speaker;
    row.textContent = written(data);
  }
  return row;
}

function take(bunch) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40; // px: who has scrolled up reads there
  for (const each of bunch) {
    if (each.event === "begin") Object.assign(watch, {state: "watching", until: Date.now() + each.data.seconds * 1_000});
    if (each.event === "end") watch.state = "over";
  }
  log.append(...bunch.filter((each) => each.event === "line" || each.event === "left-out").slice(-MOST).map(shown));
  while (log.childElementCount > MOST) log.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function clear() {
  log.replaceChildren();
  leftOut = lines = 0;
}

async function start(of, draw) {
  stop();
  const mine = watch = {state: "beginning", of, draw, ends: new AbortController()};
  draw();
  try {
    await events(of, (bunch) => {
      if (watch !== mine) return;
      const before = mine.state;
      take(bunch);
      if (mine.state !== before) draw();
    }, mine.ends.signal);
    if (mine.state !== "over") mine.state = "lost";
  } catch (e) {
    if (e.name === "AbortError") mine.state = "stopped";
    else Object.assign(mine, e.status === undefined ? {state: "lost"} : {state: "refused", error: e});
  }
  draw();
}

function stop() {
  watch.ends?.abort();
}

const runs = () => watch.state === "watching" || watch.state === "beginning";

/** What is watched goes with the address. */
export function follow(q) {
  if (runs() && watch.of !== path(q)) start(path(q), watch.draw);
  return {};
}

const TOLD = {
  idle: () => "Nothing is watched.",
  beginning: () => "It begins …",
  watching: () => `Watching for ${duration((watch.until - Date.now()) / 1_000)} more.`,
  over: () => "The watch is over: its time has passed.",
  lost: () => "The gateway has ended the stream: it stops, or can't be reached.",
  stopped: () => "Stopped.",
  refused: () => "",
};

export function view(ctx) {
  const {q} = ctx.state;
  if (ctx.state.me && !ctx.can("OPERATE")) return html`<section class="notice"><p>Dialogues may name people and what they do: who watches them needs the role operate. <a href="/console/sessions">The sessions</a></p></section>`;
  ctx.onLeave(() => {
    stop();
    clear();
    watch = {state: "idle"};
  });
  return html`${filters(ctx, FIELDS)}
    <div class="actions">${runs() ? html`<button @click=${stop}>Stop</button>` : html`<button class="go" @click=${() => start(path(q), ctx.draw)}>Start</button>`}
      <button ?disabled=${lines === 0} @click=${() => copy([...log.children].map((row) => row.textContent).join("\n"))}>Copy</button>
      <button ?disabled=${lines === 0} @click=${() => {
        clear();
        ctx.draw();
      }}>Clear</button>
      <a href=${`/console/sessions${query({...selected(q, ["direction", "address", "listener", "source", "site", "provider"]), id: q.getAll("session")})}`}>the sessions</a></div>
    ${watch.error && watch.state === "refused" ? failure(watch.error) : html`<p role="status">${TOLD[watch.state]()} ${lines ? html`${count(lines)} ${lines === 1 ? "line" : "lines"}${lines > MOST ? `, the last ${count(MOST)} are shown` : ""}.` : nothing}
      ${leftOut ? html`<span class="warn">${count(leftOut)} were left out: there were more than could be sent.</span>` : nothing}</p>`}
    ${log}`;
}
