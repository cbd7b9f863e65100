// What pages are put together from: tables, filters, dialogs, charts.
import {html, nothing, render} from "./lib/lit-html/lit-html.js";
import {AsyncDirective, directive} from "./lib/lit-html/async-directive.js";
import {timeIn, zone} from "./format.js";
import uPlot from "./lib/uplot/uPlot.esm.js";

/** What went wrong, with each error's place in what was sent. */
export function failure(error) {
  const errors = (error.errors ?? []).filter((each) => each.pointer || each.detail !== error.message);
  return html`<div class="failure" role="alert"><strong>${error.message}</strong>${errors.length ? html`<ul>
  ${errors.map((each) => html`<li>${each.pointer ? html`<code>${each.pointer}</code> ` : nothing}${each.detail}</li>`)}</ul>` : nothing}</div>`;
}

/**
 * A table. Columns: {title, cell(row), number (right-aligned), sort (its name for the API), note}; `sorting` is
 * {by, change(name)} when the API sorts. `empty` stands when there is no row.
 */
export function table(label, columns, rows, {empty = "none", sorting, rowClass = () => ""} = {}) {
  if (rows.length === 0) return html`<p class="none">${empty}</p>`;
  const heading = (column) => {
    if (!column.sort || !sorting) return column.title;
    const down = sorting.by === column.sort, up = sorting.by === `-${column.sort}`;
    return html`<button class="sort" @click=${() => sorting.change(down ? `-${column.sort}` : column.sort)}>${column.title}${down ? " ▾" : up ? " ▴" : ""}</button>`;
  };
  const ordered = (column) => !sorting ? nothing : sorting.by === column.sort ? "descending" : sorting.by === `-${column.sort}` ? "ascending" : nothing;
  return html`<div class="table" role="region" aria-label=${label} tabindex="0"><table>
    <thead><tr>${columns.map((column) => html`<th scope="col" class=${column.number ? "number" : ""} title=${column.note ?? nothing} aria-sort=${column.sort ? ordered(column) : nothing}>${heading(column)}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr class=${rowClass(row)}>${columns.map((column) => html`<td class=${column.number ? "number" : ""}>${column.cell(row)}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

/** What leads through pages: another search begins at its first. */
const FIRST_PAGE = {cursor: null, past: null, offset: null, before: null};

/**
 * Filters that live in the address. Fields: {name, label, options ([value, text]) or placeholder, size}. A change of a
 * text counts when it is left or Enter is pressed.
 */
export const filters = (ctx, fields) => html`<form class="filters" role="search" @submit=${(e) => {
  e.preventDefault();
  ctx.set({...Object.fromEntries(fields.map((field) => [field.name, e.target.elements[field.name].value])), ...FIRST_PAGE});
}}>${fields.map((field) => html`<label>${field.label}${field.options
    ? html`<select name=${field.name} @change=${(e) => ctx.set({[field.name]: e.target.value, ...FIRST_PAGE})}>${field.options.map(([value, text]) => html`
      <option value=${value} .selected=${(ctx.state.q.get(field.name) ?? field.options[0][0]) === value}>${text}</option>`)}</select>`
    : html`<input name=${field.name} .value=${ctx.state.q.getAll(field.name).join(" ")} placeholder=${field.placeholder ?? ""} size=${field.size ?? 16} autocomplete="off" spellcheck="false">`}</label>`)}
  <button>filter</button>${fields.some((field) => ctx.state.q.has(field.name)) ? html`<button type="button" @click=${(e) => {
    e.currentTarget.form.reset(); // also of what was typed and not taken yet
    ctx.set({...Object.fromEntries(fields.map((field) => [field.name, null])), ...FIRST_PAGE});
  }}>all</button>` : nothing}</form>`;

/** A figure with its name; `level` is "", "warn" or "bad". */
export const figure = (label, value, {note, level = "", href} = {}) => html`<div class="figure"><dt>${label}</dt>
  <dd class=${level}>${href ? html`<a href=${href}>${value}</a>` : value}${note ? html` <small>${note}</small>` : nothing}</dd></div>`;

export const figures = (label, list) => html`<dl class="figures" aria-label=${label}>${list}</dl>`;

export const section = (title, body, actions = nothing) => html`<section><div class="title"><h2>${title}</h2>${actions}</div>${body}</section>`;

export function copy(text) {
  navigator.clipboard?.writeText(text);
}

/**
 * Opens a dialog; `body` is a template, or a function of its element, `close` and `again` (which draws it anew) that gives
 * one. Esc closes it. What had the focus gets it back.
 */
export function dialog(title, body) {
  const element = document.createElement("dialog");
  element.setAttribute("aria-label", title);
  document.body.append(element);
  const close = () => element.close();
  element.addEventListener("close", () => element.remove());
  const again = () => render(html`<div class="title"><h2>${title}</h2><button @click=${close} aria-label="close">×</button></div>
    ${typeof body === "function" ? body({element, close, again}) : body}`, element);
  again();
  element.showModal();
  return {close, again};
}

export function closeDialogs() {
  document.querySelectorAll("dialog[open]").forEach((element) => element.close());
}

/** The last outcomes of a queue: d delivered, t tried again, b bounced, the latest last. */
const OUTCOMES = {d: "delivered", t: "tried again", b: "bounced"};
export const strip = (outcomes) => html`<span class="strip" role="img" aria-label=${Object.entries(OUTCOMES).map(([letter, word]) => `${[...outcomes].filter((each) => each === letter).length} ${word}`).join(", ")}>${[...outcomes].map((each) => html`<i class=${each} title=${OUTCOMES[each] ?? each}></i>`)}</span>`;

/** Ages as qshape has them, as bars. */
export const BUCKETS = ["5", "10", "20", "40", "80", "160", "320", "640", "1280", "1280+"];
export function ages(list) {
  const most = Math.max(1, ...list);
  return html`<svg class="ages" viewBox="0 0 60 16" width="60" height="16" role="img" aria-label=${list.map((n, i) => `${n} of ${i === 9 ? "more than 1280" : `up to ${BUCKETS[i]}`} minutes`).join(", ")}>
    ${list.map((n, i) => n === 0 ? nothing : html`<svg x=${i * 6} y=${15 - Math.ceil((n / most) * 15)} width="5" height=${Math.ceil((n / most) * 15) + 1}><rect width="100%" height="100%" class=${i > 6 ? "old" : ""}></rect></svg>`)}</svg>`;
}

/** Between two times that are written below a chart, seconds. */
const STEPS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

class Chart extends AsyncDirective {
  #plot;
  #watch;
  #element;
  #draw;

  render() {
    return nothing;
  }

  update(part, [label, series, data]) {
    if (!this.#element) {
      this.#element = part.element;
      const make = () => {
        this.#plot?.destroy();
        this.#plot = new uPlot(this.#options(label, series), this.#data, this.#element);
      };
      this.#data = data;
      this.#draw = make;
      queueMicrotask(make); // once it stands in the page and has a width
      this.#watch = new ResizeObserver(() => this.#plot?.setSize(this.#size()));
      this.#watch.observe(this.#element);
      addEventListener("penstock-theme", make);
    } else {
      this.#data = data;
      this.#plot?.setData(data);
    }
    return this.render();
  }

  #data;

  #size() {
    return {width: Math.max(200, this.#element.clientWidth), height: 160};
  }

  #options(label, series) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = {stroke: colour("--muted"), grid: {stroke: colour("--line"), width: 1}, ticks: {stroke: colour("--line"), width: 1}};
    const clock = {space: 60, incrs: STEPS, values: (_, seconds, __, ___, step) => seconds.map((at) => timeIn(zone(), new Date(at * 1000)).slice(11, step < 60 ? 19 : 16))};
    return {
      ...this.#size(), legend: {show: false}, cursor: {drag: {x: false, y: false}}, scales: {y: {range: (_, __, most) => [0, Math.max(1, most * 1.1)]}},
      series: [{}, ...series.map((each) => ({label: each.label, stroke: colour(each.colour), width: 1.5, points: {show: false}}))],
      axes: [{...axis, ...clock}, {...axis, size: 60}],
    };
  }

  disconnected() {
    this.#watch?.disconnect();
    removeEventListener("penstock-theme", this.#draw);
    this.#plot?.destroy();
  }
}

const chartOf = directive(Chart);

/** Lines over time. Series: {label, colour (a CSS variable)}; data: [seconds, values, …]. The names of the lines stand above. */
export const chart = (label, series, data) => html`<figure><figcaption>${label}: ${series.map((each) => html`<span class="key ${each.colour.slice(2)}">${each.label}</span> `)}</figcaption>
  <div class="chart" role="img" aria-label=${label} ${chartOf(label, series, data)}></div></figure>`;

/** Leads through pages by offset. */
export function pager(ctx, {offset, shown, all, limit}) {
  if (all <= limit && offset === 0) return nothing;
  return html`<div class="pager"><button ?disabled=${offset === 0} @click=${() => ctx.set({offset: Math.max(0, offset - limit) || null})}>previous</button>
    ${offset + 1}–${offset + shown} of ${all.toLocaleString("en")}
    <button ?disabled=${offset + shown >= all} @click=${() => ctx.set({offset: offset + limit})}>next</button></div>`;
}
