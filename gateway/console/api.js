// The administration API: what it answers, and its streams. Nothing else of the console knows how to ask.
export const ROOT = "/api/admin/v1";

/** An answer that says no: problem+json of RFC 9457. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the gateway answered ${status}`);
    this.status = status;
    this.errors = problem.errors ?? [];
    this.problem = problem;
  }
}

/** {a: 1, b: ["x", "y"], c: ""} as ?a=1&b=x&b=y; what is empty is left out. */
export function query(parameters) {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    for (const each of [value].flat()) {
      if (each !== "" && each !== null && each !== undefined && each !== false) search.append(key, each);
    }
  }
  const text = search.toString();
  return text ? `?${text}` : "";
}

async function answer(response) {
  const text = await response.text();
  let body = {};
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    body = {detail: text.slice(0, 500)};
  }
  if (!response.ok) throw new Refusal(response.status, body);
  return body;
}

const PATIENCE = 60_000; // ms, as the command line has it

async function ask(method, path, body, signal) {
  const late = AbortSignal.timeout(PATIENCE);
  try {
    return await answer(await fetch(ROOT + path, {
      method, signal: signal ? AbortSignal.any([signal, late]) : late,
      ...(body === undefined ? {} : {headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)}),
    }));
  } catch (e) {
    if (e instanceof Refusal || e.name === "AbortError") throw e;
    throw new Refusal(0, {detail: e.name === "TimeoutError" ? `the gateway hasn't answered for ${PATIENCE / 1_000} s` : "the gateway doesn't answer"});
  }
}

export const get = (path, signal) => ask("GET", path, undefined, signal);
export const post = (path, body) => ask("POST", path, body);
export const remove = (path) => ask("DELETE", path);

/**
 * Server-sent events of a path, once: ends when the gateway ends them, or by the signal. `take` gets each bunch that came,
 * a list of {event, data}. A refusal is thrown, unlike by an EventSource, which can't tell why.
 */
export async function events(path, take, signal) {
  let response;
  try {
    response = await fetch(ROOT + path, {signal, headers: {Accept: "text/event-stream"}});
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new Refusal(0, {detail: "the gateway doesn't answer"});
  }
  if (!response.ok) await answer(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const whole = (rest + read.value).split("\n\n");
    rest = whole.pop();
    const bunch = whole.map(parsed).filter((each) => each.data !== undefined);
    if (bunch.length) take(bunch);
  }
}

/** event: line, data: {…}; a comment is neither. */
function parsed(text) {
  const fields = Object.fromEntries(text.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
  return {event: fields.event, data: fields.data === undefined ? undefined : JSON.parse(fields.data)};
}

/**
 * Server-sent events of a path: `on` has a function for each event's name, which gets its data, and `down`, which gets
 * true when the stream is lost (the browser tries again) and false when it stands again. Gives what closes it.
 */
export function stream(path, on) {
  const source = new EventSource(ROOT + path);
  for (const [event, take] of Object.entries(on)) {
    if (event !== "down") source.addEventListener(event, (e) => take(JSON.parse(e.data)));
  }
  source.onopen = () => on.down?.(false);
  source.onerror = () => on.down?.(true, source.readyState === EventSource.CLOSED);
  return () => source.close();
}
