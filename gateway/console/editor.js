// A file of the configuration in an editor: checked, compared, put into force, gone back from. What was written and isn't in
// force yet stays while the console is open.
import {html, nothing} from "./lib/lit-html/lit-html.js";
import {get, post, query, Refusal, ROOT} from "./api.js";
import {difference} from "./diff.js";
import {count, time} from "./format.js";
import {command, quoted} from "./selection.js";
import {dialog, failure, section, table} from "./ui.js";

/** The two files: what people call them, and the option by which the command line knows which is meant. */
const FILES = {
  gateway: {page: "/console/configuration/file", option: "", words: "the configuration"},
  shaping: {page: "/console/throttles", option: "--shaping", words: "the shaping file"},
};

/** What is written of each: {text, base ({text, version}), crlf, checked, compared, error, busy}. */
const drafts = {};
const cursor = {line: 1, column: 1};

const isChanged = (draft) => draft !== undefined && draft.text !== draft.base.text;

addEventListener("beforeunload", (event) => {
  if (Object.values(drafts).some(isChanged)) event.preventDefault();
});

const path = (which, rest = "") => `/config/${which}${rest}`;

/** The file as it is, its history, and the version that the address names with the one before it. */
export async function loadFile(which, q, signal, ctx) {
  const configures = ctx.can("CONFIGURE");
  const [{versions}, file] = await Promise.all([
    get(path(which, "/history"), signal),
    configures ? get(path(which), signal).catch((e) => {
      if (e instanceof Refusal && e.status === 404) return undefined; // none is named
      throw e;
    }) : undefined,
  ]);
  const wanted = Number(q.get("version"));
  const at = versions.findIndex((each) => each.number === wanted);
  if (!configures || at < 0) return {versions, file};
  const text = async (version) => (version ? (await get(path(which, query({version: version.number})), signal)).content : "");
  const [after, before] = await Promise.all([text(versions[at]), text(versions[at + 1])]);
  return {versions, file, shown: {version: versions[at], previous: versions[at + 1], before, after}};
}

/** Textareas know one kind of line's end. */
const unix = (text) => text.replaceAll("\r\n", "\n");

function draftOf(which, file) {
  const base = {text: unix(file.content), version: file.version};
  const draft = drafts[which];
  if (!isChanged(draft)) {
    drafts[which] = {...(draft?.base.text === base.text ? draft : {}), text: base.text, base, crlf: file.content.includes("\r\n")};
  }
  return drafts[which];
}

const content = (draft) => (draft.crlf ? draft.text.replaceAll("\n", "\r\n") : draft.text);

/** Puts the cursor there, and shows it. */
function goTo(line, column = 1) {
  const area = document.querySelector(".editor textarea");
  if (!area) return;
  const before = area.value.split("\n").slice(0, line - 1);
  const at = before.reduce((sum, each) => sum + each.length + 1, 0) + column - 1;
  area.focus();
  area.setSelectionRange(at, at);
  area.scrollTop = Math.max(0, (line - 4) * parseFloat(getComputedStyle(area).lineHeight));
}

function follow(area) {
  const before = area.value.slice(0, area.selectionStart).split("\n");
  cursor.line = before.length;
  cursor.column = before.at(-1).length + 1;
}

/** Numbers of lines; those with an error stand out. */
function gutter(draft) {
  const wrong = new Map();
  for (const each of draft.checked?.warnings ?? []) wrong.set(each.line, "warn");
  for (const each of draft.checked?.errors ?? []) wrong.set(each.line, "bad");
  const parts = [];
  let plain = "";
  const last = draft.text.split("\n").length;
  for (let line = 1; line <= last; line++) {
    const level = wrong.get(line);
    if (level) {
      parts.push(plain, html`<span class=${level}>${line}</span>`);
      plain = "\n";
    } else {
      plain += `${line}\n`;
    }
  }
  return [...parts, plain];
}

const textarea = (draft, label, ctx, check) => html`<div class="editor">
  <pre class="gutter" aria-hidden="true">${gutter(draft)}</pre>
  <textarea aria-label=${label} aria-describedby="editor-keys" wrap="off" spellcheck="false" autocapitalize="off" autocomplete="off" .value=${draft.text}
    @input=${(e) => {
      Object.assign(draft, {text: e.target.value, checked: undefined, compared: undefined, error: undefined});
      follow(e.target);
      ctx.draw();
    }}
    @scroll=${(e) => e.target.previousElementSibling.scrollTop = e.target.scrollTop}
    @keydown=${(e) => {
      if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
        e.preventDefault();
        check();
      }
    }}
    @selectionchange=${(e) => {
      follow(e.target);
      ctx.draw();
    }}></textarea></div>
  <p class="none" id="editor-keys">line ${cursor.line}, column ${cursor.column}. Ctrl+Enter checks; Tab goes on to the buttons.</p>`;

/** What is wrong, each with a way to its place. */
function checked(draft, file) {
  const {ok, why, errors, warnings} = draft.checked;
  const line = (each) => html`<li>${each.line && each.file === file
    ? html`<button class="place" @click=${() => goTo(each.line, each.column ?? 1)} title="puts the cursor there">${each.line}:${each.column}</button>`
    : html`<code>${each.file}${each.line ? `:${each.line}:${each.column}` : ""}</code>`} ${each.key ? html`<code>${each.key}</code>: ` : nothing}${each.message}</li>`;
  return html`<div class=${ok ? "notice" : "failure"} role="status"><strong>${ok ? "This could be in force." : `This can't be in force: ${why}.`}</strong>
    ${errors.length ? html`<ul>${errors.map(line)}</ul>` : nothing}
    ${warnings.length ? html`<p>Warnings:</p><ul>${warnings.map(line)}</ul>` : nothing}</div>`;
}

/** `["default"] connection_limit: 3 -> 30, faster`, or `queue.max-age: 1d -> 2d`, as the gateway writes it. */
const CHANGE = /^(?:(.+?) )?([^\s:]+): (.*?) -> (.*?)(?:, (faster|slower))?$/s;

/** Whose mail a section of the shaping file is about. */
function whom(where) {
  const provider = /^\[provider\."(.+)"\]/.exec(where)?.[1];
  const section = /^\["(.+?)"\]/.exec(where)?.[1];
  if (provider) return html`<a href=${`/console/providers/${encodeURIComponent(provider)}`}>${provider}</a>${where.slice(where.indexOf("]") + 1)}`;
  if (section === "default") return html`all mail${where.slice(where.indexOf("]") + 1)}`;
  return section ? html`<a href=${`/console/queues/${encodeURIComponent(section)}`}>${section}</a>${where.slice(where.indexOf("]") + 1)}` : where;
}

const PACE = {faster: html`<span class="good">▲ faster</span>`, slower: html`<span class="warn">▼ slower</span>`};

/** What the API's answer says that changes. */
export function changes({comparable, changes: list, warnings}, now = "is in force") {
  if (!comparable) return html`<p>The file of before has errors, so what changes can't be told.</p>`;
  const rows = list.map((line) => {
    const [, where, key, before, after, pace] = CHANGE.exec(line) ?? [];
    return key === undefined ? {key: line} : {where, key, before, after, pace};
  });
  const some = rows.some((row) => row.where);
  return html`${table("Changes", [
    ...(some ? [{title: "for", cell: (row) => row.where ? whom(row.where) : ""}] : []),
    {title: "key", cell: (row) => html`<code>${row.key}</code>`},
    {title: "before", cell: (row) => html`<span class="text">${row.before ?? ""}</span>`},
    {title: "after", cell: (row) => html`<span class="text">${row.after ?? ""}</span>`},
    ...(some ? [{title: "mail goes", cell: (row) => PACE[row.pace] ?? ""}] : []),
  ], rows, {empty: `No value differs from what ${now}.`})}
  ${warnings.length ? html`<ul>${warnings.map((each) => html`<li class="warn">${each.line ? `${each.line}:${each.column} ` : ""}${each.key ?? ""} ${each.message}</li>`)}</ul>` : nothing}`;
}

const SIGNS = {"-": "taken out", "+": "put in"};

/** Lines that were taken out and put in. */
export function lineChanges(before, after) {
  const pieces = difference(before, after);
  return pieces.length === 0 ? html`<p class="none">Not a line differs.</p>`
    : html`<div class="diff" role="region" aria-label="lines that differ" tabindex="0">${pieces.map((piece) => html`<p>from line ${piece.from}</p><pre>${piece.lines.map(([sign, line]) => sign === " "
      ? html`<span>  ${line}\n</span>` : sign === "-" ? html`<del title=${SIGNS[sign]}>- ${line}\n</del>` : html`<ins title=${SIGNS[sign]}>+ ${line}\n</ins>`)}</pre>`)}</div>`;
}

const elsewhere = (api, cli) => html`<div class="elsewhere"><div><span>API</span><code>${api}</code></div><div><span>CLI</span><code>${cli}</code></div></div>`;

/** A dialog that says what would change, wants a reason, and does it. `order(reason, dryRun)` is the body that is sent to `to`. */
function putIntoForce(ctx, which, {title, verb, says, order, shown, cli, onWrong}) {
  let looked, error, first, reason = "", busy = false, regardless = false;
  const {again} = dialog(title, ({close, again: redraw}) => {
    const send = async (event) => {
      event.preventDefault();
      busy = true;
      error = first = undefined;
      redraw();
      try {
        await post(path(which, `/${verb}`), order(reason, regardless));
        close();
        delete drafts[which];
        ctx.set({version: null, line: null}, {replace: true});
      } catch (e) {
        error = e;
        busy = false;
        if (e.status === 409) first = (await get(path(which, "/history")).catch(() => undefined))?.versions[0];
        if (e.status === 422) onWrong?.();
        redraw();
      }
    };
    return html`<form class="act" @input=${(e) => {
      reason = e.currentTarget.elements.reason.value;
      regardless = e.currentTarget.elements.regardless?.checked ?? false;
      redraw();
    }} @submit=${send}><p>${says}</p>
      ${looked ? changes(looked) : error ? nothing : html`<p role="status">comparing …</p>`}
      <label>reason<input name="reason" required autofocus autocomplete="off" size="44"></label>
      ${error ? failure(error) : nothing}
      ${first ? html`<p>In force is version ${first.number}, since ${time(first.since)}${first.who ? html`, by <strong>${first.who}</strong>` : nothing}${first.why ? html`: “${first.why}”` : nothing}. Your text stays in the editor.</p>` : nothing}
      ${first && verb === "apply" ? html`<label class="checkbox"><input type="checkbox" name="regardless">whatever is in force: what others changed is gone then</label>` : nothing}
      ${elsewhere(`POST ${ROOT}${path(which, `/${verb}`)} ${JSON.stringify(shown(reason || "…", regardless))}`, cli(quoted(reason || "…"), regardless))}
      <div class="buttons"><button type="button" @click=${close}>cancel</button><button class="go" ?disabled=${busy}>${title}</button></div></form>`;
  });
  return {
    compared(answer) {
      looked = answer;
      again();
    },
    failed(e) {
      error = e;
      again();
    },
  };
}

function apply(ctx, which, draft, check) {
  const version = (regardless) => (regardless || draft.base.version === undefined ? {} : {if_version: draft.base.version});
  const asked = putIntoForce(ctx, which, {
    title: "Apply", verb: "apply", says: "In force at once, also for mail that is queued: whole, or with an error not at all.",
    order: (reason, regardless) => ({content: content(draft), ...version(regardless), reason}),
    shown: (reason, regardless) => ({content: "…", ...version(regardless), reason}),
    cli: (reason, regardless) => command("config apply", FILES[which].option,
      version(regardless).if_version === undefined ? "" : `--if-version ${draft.base.version}`, "--reason", reason, "new.toml"),
    onWrong: check,
  });
  post(path(which, "/diff"), {content: content(draft)}).then(asked.compared, (e) => {
    asked.failed(e);
    if (e.status === 422) check();
  });
}

function rollBack(ctx, which, number) {
  const asked = putIntoForce(ctx, which, {
    title: `Go back to version ${number}`, verb: "rollback", says: "Octet for octet. Going back is a new version, so it can be gone back from.",
    order: (reason) => ({to: number, reason}),
    shown: (reason) => ({to: number, reason}),
    cli: (reason) => command("config rollback", FILES[which].option, `--to ${number}`, "--reason", reason),
  });
  post(path(which, "/rollback"), {to: number, dry_run: true, reason: "looking what would change"}).then(asked.compared, asked.failed);
}

/** What others have put into force since this text was begun. */
function stale(ctx, draft, file, versions) {
  if (!isChanged(draft) || draft.base.text === unix(file.content)) return nothing;
  const [newest] = versions;
  return html`<div class="notice warn" role="status"><p>The file isn't any more what you began with${newest ? html`: version ${newest.number} is in force since ${time(newest.since)}${newest.who ? html`, by ${newest.who}` : nothing}${newest.why ? html`: “${newest.why}”` : nothing}` : nothing}.</p>
    <div class="actions">${newest ? html`<button @click=${() => ctx.set({version: newest.number})}>what it changed</button>` : nothing}
    <button @click=${() => {
      draft.base = {text: unix(file.content), version: file.version};
      ctx.draw();
    }}>keep my text, and apply it over that</button></div></div>`;
}

let gone; // the address whose line was gone to

function toLine(q) {
  const line = Number(q.get("line"));
  if (line > 0 && gone !== location.href) {
    gone = location.href;
    queueMicrotask(() => goTo(line));
  }
}

function editor(which, {file, versions}, ctx) {
  const draft = draftOf(which, file);
  const ask = async (what, keep) => {
    Object.assign(draft, {busy: true, error: undefined});
    ctx.draw();
    try {
      draft[keep] = await post(path(which, `/${what}`), {content: content(draft)});
    } catch (e) {
      draft.error = e;
    }
    draft.busy = false;
    ctx.draw();
    return draft[keep];
  };
  const check = async () => {
    const [error] = (await ask("check", "checked"))?.errors ?? [];
    if (error?.line && error.file === file.file) goTo(error.line, error.column);
  };
  const compare = async () => {
    await ask("diff", "compared");
    if (draft.error?.status === 422) await check();
  };
  const changed = isChanged(draft);
  toLine(ctx.state.q);
  return section("The file", html`<p><code>${file.file}</code>${file.version ? html`, version ${file.version}` : nothing}${changed ? html` · <span class="warn">changed here, not in force</span>` : nothing}</p>
    ${stale(ctx, draft, file, versions)}
    ${textarea(draft, `the text of ${FILES[which].words}`, ctx, check)}
    <div class="actions"><button ?disabled=${draft.busy} @click=${check}>Check</button>
      <button ?disabled=${draft.busy} @click=${compare}>What changes</button>
      <button class="go" ?disabled=${draft.busy || !changed} @click=${() => apply(ctx, which, draft, check)}>Apply …</button>
      ${changed ? html`<button class="destructive" @click=${() => {
        delete drafts[which];
        ctx.draw();
      }}>Discard my changes</button>` : nothing}</div>
    ${draft.error ? failure(draft.error) : nothing}
    ${draft.checked ? checked(draft, file.file) : nothing}
    ${draft.compared ? html`<h3>What changes</h3>${changes(draft.compared)}${lineChanges(draft.base.text, draft.text)}` : nothing}
    ${elsewhere(`GET ${ROOT}${path(which)}; POST …/check and …/diff {"content": "…"}`, `${command("config check", FILES[which].option, "new.toml")}; ${command("config diff", FILES[which].option, "new.toml")}`)}`);
}

/** One version: what it said otherwise than the one before it. */
const version = ({version: {number, who, why, since}, previous, before, after}) => section(`Version ${number}`, html`
  <p>In force since ${time(since)}${who ? html`, by <strong>${who}</strong>` : nothing}${why ? html`: “${why}”` : nothing}. ${previous ? `What it says otherwise than version ${previous.number}:` : "The oldest that is kept:"}</p>
  ${lineChanges(before, after)}`);

const history = (which, {versions}, ctx) => section("History", table("Versions that were in force", [
  {title: "version", number: true, cell: (row) => ctx.can("CONFIGURE") ? html`<a href=${`${FILES[which].page}?version=${row.number}`} title="what it changed">${row.number}</a>` : row.number},
  {title: "since", cell: (row) => time(row.since)},
  {title: "who", cell: (row) => row.who ?? html`<span class="none" title="it was edited by hand, or came with a start">-</span>`},
  {title: "why", cell: (row) => html`<span class="wide">${row.why ?? "-"}</span>`},
  {title: "octets", number: true, cell: (row) => count(row.octets)},
  {title: "in force", cell: (row) => row.in_force ? "now" : ctx.can("CONFIGURE") ? html`<button @click=${() => rollBack(ctx, which, row.number)} aria-label=${`go back to version ${row.number}`}>go back …</button>` : ""},
], versions, {empty: "None has been in force yet."}));

/** The whole of a file's page; who may not see its text is told why, and gets `instead`. */
export const fileView = (which, data, ctx, instead = nothing) => html`${data.file ? editor(which, data, ctx)
  : ctx.can("CONFIGURE") ? html`<section class="notice"><p>No such file is named in the configuration: <code>gateway.shaping-file</code> would.</p></section>`
    : html`<section class="notice"><p>The text of ${FILES[which].words} may hold secrets: to see and change it takes the role <code>configure</code>. You are ${ctx.state.me?.name ?? "nobody"} and have <code>${ctx.state.me?.role.toLowerCase() ?? "none"}</code>.</p></section>`}
  ${instead}
  ${data.shown ? version(data.shown) : nothing}
  ${history(which, data, ctx)}`;

export const historyApi = (which, q) => (q.get("version") ? path(which, query({version: q.get("version")})) : path(which, "/history"));
export const historyCli = (which) => command("config history", FILES[which].option);
