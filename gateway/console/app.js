// The console's frame: which page the address names, when it is loaded anew, and what stands around it.
import {html, nothing, render} from "./lib/lit-html/lit-html.js";
import {get, remove, ROOT, stream} from "./api.js";
import {setZone, timeIn, zone} from "./format.js";
import {pages} from "./pages/index.js";
import {closeDialogs, copy, dialog, failure} from "./ui.js";

const BASE = "/console/";
const THEME = "penstock.theme";
const THEMES = ["auto", "light", "dark"];
const AGAIN = 1_000; // ms between two looks at a list, at least

const root = document.createElement("div");
document.body.append(root);

// All that is on the screen follows from this.
const state = {
  page: undefined, q: new URLSearchParams(), rest: "", data: undefined, error: undefined, loading: false,
  me: undefined, live: undefined, down: false, paused: false,
  history: [], // of the live stream: what the charts of the first page show
};
let asked; // aborts the request under way
let askedAt = 0;
let left = () => {}; // what the page wants done when it is left

const can = (role) => {
  const order = ["READ", "OPERATE", "CONFIGURE"];
  return state.me !== undefined && order.indexOf(state.me.role) >= order.indexOf(role);
};

/** What a page may use. */
const context = {
  state, can,
  /** Changes parameters of the address; null takes one out. Others than these stay. */
  set(changes, {replace = false} = {}) {
    const q = new URLSearchParams(state.q);
    for (const [key, value] of Object.entries(changes)) {
      q.delete(key);
      for (const each of [value].flat()) if (each !== null && each !== undefined && each !== "") q.append(key, each);
    }
    go(`${BASE}${state.page.path}${state.rest ? `/${encodeURIComponent(state.rest)}` : ""}${q.size ? `?${q}` : ""}`, replace);
  },
  go: (address) => go(address, false),
  reload: () => load(true),
  draw: () => draw(),
  onLeave(what) {
    left = what;
  },
};

function go(address, replace) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  route();
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody has typed it
  }
}

/** /console/queues/example.com?… is the page "queues", of example.com. */
function route() {
  const path = location.pathname.slice(BASE.length);
  const slash = path.indexOf("/");
  const name = slash < 0 ? path : path.slice(0, slash);
  const page = pages.find((each) => each.path === name);
  const rest = slash < 0 ? "" : decoded(path.slice(slash + 1));
  const same = page === state.page && rest === state.rest;
  if (!same) {
    left();
    left = () => {};
    closeDialogs();
    Object.assign(state, {data: undefined, error: undefined});
  }
  Object.assign(state, {page, rest, q: new URLSearchParams(location.search)});
  load(true);
  if (!same) {
    root.querySelector("main")?.focus({preventScroll: true});
    scrollTo(0, 0);
    root.querySelector("nav [aria-current]")?.scrollIntoView({block: "nearest", inline: "center"});
  }
}

/** What is refused is so the next time too, until something else is asked. */
const isRefusal = (error) => error?.status >= 400 && error.status < 500;

/** Asks for what the page shows; one request at a time, and no answer to an address that was left. */
async function load(now) {
  const {page} = state;
  if (!page?.load || (!now && (state.paused || isRefusal(state.error) || document.hidden || asked !== undefined || document.querySelector("dialog[open]")
    || performance.now() - askedAt < Math.max(AGAIN, page.every ?? Infinity)))) {
    draw();
    return;
  }
  asked?.abort();
  const mine = asked = new AbortController();
  askedAt = performance.now();
  state.loading = true;
  draw();
  try {
    state.me ??= await get("/me"); // pages ask for what he may see
    const data = await page.load(state.q, state.rest, mine.signal, context);
    if (asked === mine) Object.assign(state, {data, error: undefined});
  } catch (e) {
    if (e.name === "AbortError") return;
    if (asked === mine) state.error = e;
    if (e.status === 401 || e.status === 403) state.me = undefined; // he may be somebody else now
  }
  if (asked === mine) {
    asked = undefined;
    state.loading = false;
    draw();
  }
}

function draw() {
  document.title = `${state.rest || (state.page?.title ?? "Not found")} · ${state.live?.hostname ?? "Penstock"}`;
  render(frame(), root);
}

const href = (page) => BASE + page.path;

const navigation = () => html`<nav aria-label="Pages"><ul>${pages.filter((page) => !page.hidden).map((page) => html`
  <li><a href=${href(page)} aria-current=${page === state.page ? "page" : nothing} title=${`g ${page.key}`}>${page.title}</a></li>`)}</ul></nav>`;

const clock = () => {
  const at = state.live ? new Date(state.live.at) : new Date();
  const there = zone();
  return html`<button class="clock" @click=${() => {
    setZone(there === "UTC" ? "local" : "UTC");
    draw();
  }} title="times are shown in the zone that is set in bold; this changes it"><span class=${there === "local" ? "chosen" : ""}>${timeIn("local", at)}</span>
    <span class=${there === "UTC" ? "chosen" : ""}>${timeIn("UTC", at).slice(11)}</span></button>`;
};

const theme = () => localStorage.getItem(THEME) ?? "auto";

function applyTheme() {
  document.documentElement.dataset.theme = theme();
}

function nextTheme() {
  localStorage.setItem(THEME, THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  applyTheme();
  dispatchEvent(new Event("penstock-theme")); // charts have their colours from it
  draw();
}

const alarms = () => {
  const found = state.live?.alarms ?? [];
  return found.length === 0 ? nothing : html`<a class="alarms" href=${BASE} title=${found.map((alarm) => alarm.text).join("\n")}>${found.length} ${found.length === 1 ? "alarm" : "alarms"}</a>`;
};

const link = () => state.down
  ? html`<span class="lost" role="status">not connected: what is shown is old</span>`
  : html`<button class="toggle" aria-pressed=${state.paused ? "true" : "false"} @click=${() => {
    state.paused = !state.paused;
    draw();
  }} title="p">${state.paused ? "paused" : "live"}</button>`;

const header = () => html`<header>
  <a class="home" href=${BASE}><img src="/console/icon.svg" alt="" width="22" height="22">${state.live?.hostname ?? "Penstock"}</a>
  ${alarms()}<span class="space"></span>${link()}${clock()}
  <button @click=${nextTheme} title="light or dark; auto follows the system">${theme()}</button>
  <button @click=${help} title="?" aria-label="keys">?</button>
  ${state.me ? html`<a class="me" href="/console/access" title=${`by ${state.me.via}`}>${state.me.name} · ${state.me.role.toLowerCase()}</a>` : nothing}
  ${state.me?.via === "console" ? html`<button @click=${signOut}>sign out</button>` : nothing}
</header>`;

/** Ends the session that the browser's cookie stands for; what he may without it is seen by loading anew. */
async function signOut() {
  try {
    await remove("/console/session");
    location.assign(BASE);
  } catch (e) {
    state.error = e;
    draw();
  }
}

/** What would say the same elsewhere. */
const elsewhere = () => {
  const {page, q, rest} = state;
  const line = (label, text) => text ? html`<div><span>${label}</span><code>${text}</code><button @click=${() => copy(text)} aria-label=${`copy ${label}`}>copy</button></div>` : nothing;
  const lines = (label, texts) => [texts ?? []].flat().map((text) => line(label, text));
  return html`<footer>${lines("API", [page?.api?.(q, rest, context) ?? []].flat().map((path) => `GET ${ROOT}${path}`))}${lines("CLI", page?.cli?.(q, rest, context))}</footer>`;
};

const letIn = () => html`<section class="notice"><h2>Who are you?</h2>
  <p>${state.error.message}</p>
  <p>On the gateway's machine <code>penstock console</code> prints an address that opens this page with your rights, once, within two minutes.</p></section>`;

const content = () => {
  const {page, data, error} = state;
  if (!page) return html`<section class="notice"><h2>There is no such page</h2><p><a href=${BASE}>Home</a></p></section>`;
  if (error?.status === 401) return letIn();
  return html`${error ? failure(error) : nothing}${data === undefined && page.load ? (error ? nothing : html`<p class="loading">…</p>`) : viewed(page, data)}`;
};

/** A fault in a page leaves the frame whole, and the way to other pages. */
function viewed(page, data) {
  try {
    return page.view(data, context);
  } catch (e) {
    console.error(e);
    return failure(new Error(`This page can't be drawn: ${e.message}`));
  }
}

const frame = () => html`<a class="skip" href="#main">to the page</a>${header()}<div class="body">${navigation()}
  <main id="main" tabindex="-1" aria-busy=${state.loading ? "true" : "false"}>
  <h1>${state.page?.title ?? ""}${state.rest ? html` <small>${state.rest}</small>` : nothing}</h1>${content()}${elsewhere()}</main></div>`;

const help = () => dialog("Keys", html`<dl class="keys">
  <dt>g, then a letter</dt><dd>${pages.filter((page) => !page.hidden).map((page) => html`<span><kbd>${page.key}</kbd> ${page.title}</span> `)}</dd>
  <dt><kbd>/</kbd></dt><dd>the filter</dd>
  <dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>next and previous row</dd>
  <dt><kbd>Enter</kbd></dt><dd>opens the row</dd>
  <dt><kbd>p</kbd></dt><dd>pauses</dd>
  <dt><kbd>r</kbd></dt><dd>loads anew</dd>
  <dt><kbd>?</kbd></dt><dd>this</dd></dl>`);

let goes = -Infinity; // when g was pressed, ms of this page's life

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  const {key} = event;
  if (performance.now() - goes < 1_500) {
    goes = -Infinity;
    const page = pages.find((each) => each.key === key && !each.hidden);
    if (page) go(href(page), false);
    return;
  }
  const act = {
    g: () => goes = performance.now(),
    "/": () => root.querySelector("main input, main select")?.focus(),
    "?": help,
    r: () => load(true),
    p: () => {
      state.paused = !state.paused;
      draw();
    },
    j: () => step(1),
    k: () => step(-1),
  }[key];
  if (act) {
    event.preventDefault();
    act();
  }
}

/** The first link of the next row. */
function step(by) {
  const links = [...root.querySelectorAll("main tbody tr")].map((row) => row.querySelector("a")).filter(Boolean);
  const at = links.findIndex((each) => each.closest("tr").contains(document.activeElement));
  links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by))]?.focus();
}

/** Links within the console change the page without loading the frame anew. */
function onClick(event) {
  const anchor = event.target.closest("a[href]");
  if (!anchor || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey
    || anchor.target || anchor.getAttribute("href").startsWith("#")) return;
  const to = new URL(anchor.href);
  if (to.origin === location.origin && to.pathname.startsWith(BASE)) {
    event.preventDefault();
    go(to.pathname + to.search, false);
  }
}

const KEPT = 600; // ticks of the live stream, for charts

function onTick(status) {
  state.live = status;
  state.history.push(status);
  if (state.history.length > KEPT) state.history.shift();
  load(false);
}

function onDown(down, ended) {
  const back = state.down && !down;
  state.down = down;
  if (ended) setTimeout(listen, 5_000); // a refusal ends an EventSource for good
  draw();
  if (back) know();
}

/** Who one is: after the gateway was away, perhaps nobody that it knows. */
async function know() {
  try {
    state.me = await get("/me");
    load(true);
  } catch (e) {
    state.error = e;
    draw();
  }
}

const listen = () => stream("/live", {status: onTick, down: onDown});

async function start() {
  applyTheme();
  addEventListener("popstate", route);
  addEventListener("keydown", onKey);
  addEventListener("click", onClick);
  addEventListener("visibilitychange", () => load(false));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("penstock-theme"))); // of charts
  let refused;
  try {
    state.me = await get("/me");
  } catch (e) {
    refused = e;
  }
  route();
  if (refused) state.error = refused;
  draw();
  listen();
}

start();
