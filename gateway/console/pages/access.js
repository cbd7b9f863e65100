// Who may come over the network, and who one is oneself.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {end} from "../act.js";
import {get, post, ROOT} from "../api.js";
import {time} from "../format.js";
import {command, quoted} from "../selection.js";
import {copy, dialog, failure, section, table} from "../ui.js";

const ROLES = [["READ", "read: see everything but secrets"], ["OPERATE", "operate: change what becomes of mail"], ["CONFIGURE", "configure: change the configuration"]];

const order = ({name, role, expires, networks, reason}) => ({
  name, role, ...(expires ? {expires_in: expires} : {}), ...(networks ? {networks: networks.split(/[\s,]+/).filter(Boolean)} : {}), reason,
});

const cli = ({name, role, expires, networks, reason}) => command("admin token create", quoted(name || "NAME"), `--role ${role}`,
  expires ? `--expires ${quoted(expires)}` : "", ...networks.split(/[\s,]+/).filter(Boolean).map((each) => `--network ${quoted(each)}`),
  "--reason", quoted(reason || "…"));

/** A token is in the answer to this alone, so it stays until it is closed. */
function create(ctx) {
  let made, error, busy = false, values = {name: "", role: "READ", expires: "", networks: "", reason: ""};
  const shown = (close) => html`<div class="act"><p>This is the only time that it is shown; the gateway keeps a hash of it.</p>
    <p class="selection"><code id="token">${made.token}</code></p>
    <p>It is token <code>${made.view.id}</code>, <code>${made.view.role.toLowerCase()}</code>, ${made.view.expires ? html`until ${time(made.view.expires)}` : "for ever"}. Who has it sends <code>Authorization: Bearer …</code>, or gives it to the command line as <code>PENSTOCK_TOKEN</code>.</p>
    <div class="buttons"><button @click=${() => copy(made.token)}>copy</button><button class="go" @click=${close}>I have it</button></div></div>`;
  dialog("New token", ({close, again}) => made ? shown(close) : html`<form class="act" @input=${(e) => {
    values = Object.fromEntries(new FormData(e.currentTarget));
    again();
  }} @submit=${async (event) => {
    event.preventDefault();
    busy = true;
    error = undefined;
    again();
    try {
      made = await post("/tokens", order(values));
      ctx.reload();
    } catch (e) {
      error = e;
    }
    busy = false;
    again();
  }}><label>name, as the audit log will have it<input name="name" required autofocus maxlength="64" autocomplete="off"></label>
    <label>role<select name="role">${ROLES.map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select></label>
    <label>is taken for<input name="expires" placeholder="90d; nothing: for ever" autocomplete="off"></label>
    <label>from the networks<input name="networks" placeholder="10.0.0.0/8; nothing: from any" size="44" autocomplete="off"></label>
    <label>reason<input name="reason" required size="44" autocomplete="off"></label>
    ${error ? failure(error) : nothing}
    <div class="elsewhere"><div><span>API</span><code>POST ${ROOT}/tokens ${JSON.stringify(order(values))}</code></div><div><span>CLI</span><code>${cli(values)}</code></div></div>
    <div class="buttons"><button type="button" @click=${close}>cancel</button><button class="go" ?disabled=${busy}>Make it</button></div></form>`);
}

const revoke = (ctx, token) => end(ctx, `Revoke ${token.name}`, "It isn't taken any more, from this moment on; sessions of consoles that it began end with it.",
  `/tokens/${encodeURIComponent(token.id)}`, command("admin token revoke", token.id).replace(/^penstock /, ""));

const expired = (token) => token.expires && new Date(token.expires) < new Date();

const tokens = (data, ctx) => section("Tokens", table("Tokens", [
  {title: "name", cell: (row) => html`<a href=${`/console/audit?who=${encodeURIComponent(row.name)}`} title="what it was used for">${row.name}</a>`},
  {title: "id", cell: (row) => html`<code>${row.id}</code>`},
  {title: "role", cell: (row) => row.role.toLowerCase()},
  {title: "from", cell: (row) => row.networks.length ? row.networks.join(", ") : "anywhere"},
  {title: "until", cell: (row) => row.expires ? html`<span class=${expired(row) ? "none" : ""}>${time(row.expires)}${expired(row) ? " (expired)" : ""}</span>` : "for ever"},
  {title: "made", cell: (row) => html`${time(row.created)} by ${row.created_by}`},
  {title: "end", cell: (row) => html`<button class="destructive" @click=${() => revoke(ctx, row)} aria-label=${`revoke ${row.name}`}>revoke …</button>`},
], data.tokens, {empty: "There is none: who comes over the network needs one, or a client certificate."}),
html`<button @click=${() => create(ctx)}>New token …</button>`);

const VIA = {
  socket: "over the Unix socket", loopback: "from this machine, as admin.loopback-role says", token: "by a token", certificate: "by a client certificate",
  console: "by a console's session: it ends after half an hour without a request, and with the gateway",
};

export default {
  path: "access", title: "Access", key: "x", every: 10_000,
  api: (q, rest, ctx) => (ctx.can("CONFIGURE") ? "/tokens" : "/me"),
  cli: (q, rest, ctx) => (ctx.can("CONFIGURE") ? "penstock admin token list" : ""),
  async load(q, rest, signal, ctx) {
    const [me, list] = await Promise.all([get("/me", signal), ctx.can("CONFIGURE") ? get("/tokens", signal) : undefined]);
    return {me, tokens: list?.tokens};
  },
  view: (data, ctx) => html`${section("You", html`<p><strong>${data.me.name}</strong>, who may <code>${data.me.role.toLowerCase()}</code>, known ${VIA[data.me.via] ?? `by ${data.me.via}`}.</p>`)}
  ${data.tokens ? tokens(data, ctx) : html`<section class="notice"><p>Who else may come is for those to see who may <code>configure</code>.</p></section>`}`,
};
