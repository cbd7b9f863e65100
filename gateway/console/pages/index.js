// The pages in the order in which they stand. Each is {path, title, key, every (ms between two looks), api(q, rest) and cli(q, rest) (one or several),
// load(q, rest, signal) and view(data, ctx)}; one that is hidden is led to by others.
import home from "./home.js";
import providers from "./providers.js";
import queues from "./queues.js";
import messages from "./messages.js";
import sources from "./sources.js";
import tenants from "./tenants.js";
import suspended from "./suspended.js";
import throttles from "./throttles.js";
import sessions from "./sessions.js";
import configuration from "./configuration.js";
import jobs from "./jobs.js";
import audit from "./audit.js";
import access from "./access.js";

export const pages = [home, providers, queues, messages, sources, tenants, suspended, throttles, sessions, configuration, jobs, audit, access];
