// What is in force, key by key, with the place that says so; secrets are masked by the gateway.
import {html} from "./lib/lit-html/lit-html.js";
import {table} from "./ui.js";

/** A value as a file of TOML has it. */
const written = (value) => (Array.isArray(value) ? `[${value.map(written).join(", ")}]` : JSON.stringify(value));

const SHAPING = "shaping.";

function place(setting, ctx) {
  if (!setting.file) return html`<span class="none">default</span>`;
  const text = `${setting.file}:${setting.line}`;
  const page = setting.key.startsWith(SHAPING) ? "/console/throttles" : "/console/configuration/file";
  return ctx.can("CONFIGURE") ? html`<a href=${`${page}?line=${setting.line}`}>${text}</a>` : html`<code>${text}</code>`;
}

export const settings = (label, list, ctx, empty) => table(label, [
  {title: "key", cell: (row) => html`<code>${row.key}</code>`},
  {title: "value", cell: (row) => html`<code class="wide">${written(row.value)}</code>`},
  {title: "written at", cell: (row) => place(row, ctx)},
], list, {empty});
