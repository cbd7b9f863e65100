// What is configured, each key with its place; and the file itself, to be changed as the shaping file is.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {get, post, query, ROOT} from "../api.js";
import {fileView, historyApi, historyCli, loadFile} from "../editor.js";
import {count} from "../format.js";
import {command, quoted} from "../selection.js";
import {settings} from "../settings.js";
import {dialog, failure, filters} from "../ui.js";

const WHICH = "gateway";
const FILE = "file";

const path = (q) => `/config${query({prefix: q.get("prefix"), defaults: q.get("defaults")})}`;

function reload(ctx) {
  let error, reason = "", busy = false;
  dialog("Read the files anew", ({close, again}) => html`<form class="act" @input=${(e) => {
    reason = e.currentTarget.elements.reason.value;
    again();
  }} @submit=${async (event) => {
    event.preventDefault();
    busy = true;
    error = undefined;
    again();
    try {
      await post("/config/reload", {reason});
      close();
      ctx.reload();
    } catch (e) {
      error = e;
      busy = false;
      again();
    }
  }}><p>The gateway takes up what differs in its files, as at SIGHUP: all of it, or with an error nothing.</p>
    <label>reason<input name="reason" required autofocus autocomplete="off" size="44"></label>
    ${error ? failure(error) : nothing}
    <div class="elsewhere"><div><span>API</span><code>POST ${ROOT}/config/reload ${JSON.stringify({reason: reason || "…"})}</code></div>
      <div><span>CLI</span><code>${command("config reload", "--reason", quoted(reason || "…"))}</code></div></div>
    <div class="buttons"><button type="button" @click=${close}>cancel</button><button class="go" ?disabled=${busy}>Read the files anew</button></div></form>`);
}

const tabs = (rest, ctx) => html`<nav class="tabs" aria-label="Of the configuration"><a href="/console/configuration" aria-current=${rest ? nothing : "page"}>what is in force</a>
  <a href="/console/configuration/file" aria-current=${rest === FILE ? "page" : nothing}>the file and its history</a>
  <a href="/console/throttles">throttles</a> <a href="/console/access">who may come</a>
  ${ctx.can("CONFIGURE") ? html`<button @click=${() => reload(ctx)}>Read the files anew …</button>` : nothing}</nav>`;

const inForce = (data, ctx) => {
  const text = (ctx.state.q.get("text") ?? "").toLowerCase();
  const list = text ? data.settings.filter((each) => `${each.key} ${JSON.stringify(each.value)}`.toLowerCase().includes(text)) : data.settings;
  return html`${filters(ctx, [
    {name: "prefix", label: "keys that begin with", placeholder: "queue.", size: 20},
    {name: "text", label: "in key or value", placeholder: "any", size: 20},
    {name: "defaults", label: "keys", options: [["", "what is written"], ["true", "defaults, too"]]},
  ])}
  <p>${count(list.length)} ${list.length === 1 ? "key" : "keys"}${text ? ` of ${count(data.settings.length)}` : ""}. Secrets are masked.</p>
  ${settings("What is in force", list, ctx, "No key is written that is looked for.")}`;
};

export default {
  path: "configuration", title: "Configuration", key: "c", every: 10_000,
  api: (q, rest) => (rest === FILE ? historyApi(WHICH, q) : path(q)),
  cli: (q, rest) => (rest === FILE ? historyCli(WHICH)
    : command("config running", q.get("defaults") ? "--defaults" : "", q.get("prefix") ? `--prefix ${quoted(q.get("prefix"))}` : "",
      q.get("text") ? `| grep -iF -e ${quoted(q.get("text"))}` : "")),
  load: (q, rest, signal, ctx) => (rest === FILE ? loadFile(WHICH, q, signal, ctx) : get(path(q), signal)),
  view: (data, ctx) => html`${tabs(ctx.state.rest, ctx)}${ctx.state.rest === FILE ? fileView(WHICH, data, ctx) : inForce(data, ctx)}`,
};
