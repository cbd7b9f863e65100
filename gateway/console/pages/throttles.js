// The shaping file: how fast mail goes to whom. Changed here, checked, compared, put into force, gone back from.
import {html, nothing} from "../lib/lit-html/lit-html.js";
import {get, query} from "../api.js";
import {fileView, historyApi, historyCli, loadFile} from "../editor.js";
import {settings} from "../settings.js";
import {copy, section} from "../ui.js";

const WHICH = "shaping";
const PREFIX = "shaping.";
const SETTINGS = `/config${query({prefix: PREFIX})}`;
const SIMULATE = "penstock shaping simulate --config tried.toml --mix gmail=100000/1h,outlook=50000/30m";

const inForce = (data, ctx) => (data.settings === undefined ? nothing
  : section("In force", settings("What is in force", data.settings, ctx, "The shaping file says nothing; what is built in holds.")));

const tried = section("Before it is in force", html`<p>What a text would do to mail is tried in virtual time, against twins of receivers, by a copy of the configuration whose <code>gateway.shaping-file</code> leads to it:</p>
  <div class="elsewhere"><div><span>CLI</span><code>${SIMULATE}</code><button @click=${() => copy(SIMULATE)} aria-label="copy the command">copy</button></div></div>`);

export default {
  path: "throttles", title: "Throttles", key: "t", every: 10_000,
  api: (q, rest, ctx) => (ctx.can("CONFIGURE") ? historyApi(WHICH, q) : SETTINGS),
  cli: (q, rest, ctx) => (ctx.can("CONFIGURE") ? historyCli(WHICH) : `penstock config running --prefix ${PREFIX}`),
  async load(q, rest, signal, ctx) {
    const [file, shown] = await Promise.all([
      loadFile(WHICH, q, signal, ctx),
      ctx.can("CONFIGURE") ? undefined : get(SETTINGS, signal),
    ]);
    return {...file, settings: shown?.settings};
  },
  view: (data, ctx) => fileView(WHICH, data, ctx, ctx.can("CONFIGURE") ? tried : inForce(data, ctx)),
};
