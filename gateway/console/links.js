// Where names lead. An empty name is "-" in addresses.
import {html} from "./lib/lit-html/lit-html.js";
import {query} from "./api.js";
import {name} from "./format.js";

const word = (text) => encodeURIComponent(text === "" ? "-" : text);
const named = (text) => (text === "" ? "-" : text);

/** Why the mail of a selection waits, and what receivers said last: {tenant: "shop", provider: "google"}. */
export const why = (selection) => `/console/queues${query({why: "1", ...Object.fromEntries(Object.entries(selection).map(([key, value]) => [key, named(value)]))})}`;

/** {tenant, campaign} of shop/spring, as rows of campaigns are called. */
export function campaign(text) {
  const slash = text.indexOf("/");
  return slash < 0 ? {campaign: named(text)} : {tenant: named(text.slice(0, slash)), campaign: text.slice(slash + 1)};
}

/** What selects a row of a grouping. */
export const selecting = (grouping, text) => (grouping === "campaign" ? campaign(text) : {[grouping]: named(text)});

const PAGES = {
  domain: (text) => (text === "" ? why({domain: text}) : `/console/queues/${word(text)}`),
  provider: (text) => `/console/providers/${word(text)}`,
  source: (text) => (text === "" ? why({source: text}) : `/console/sources/${word(text)}`),
  tenant: (text) => `/console/tenants${query({tenant: named(text)})}`,
  campaign: (text) => `/console/tenants${query({by: "campaign", ...campaign(text)})}`,
};

/** The page of a row of a grouping. A site's and a pool's is why its mail waits. */
export const page = (grouping, text) => (PAGES[grouping] ?? ((of) => why({[grouping]: of})))(text);

/** A name that leads to its page. */
export const link = (grouping, text) => html`<a href=${page(grouping, text)}>${name(text)}</a>`;
