// Which mail is meant: attributes with their values, as the API, the command line and the address write them.
export const PLACES = ["domain", "site", "provider", "source", "pool", "tenant", "campaign", "class"];
export const ATTRIBUTES = [...PLACES, "sender", "recipient", "id", "state", "older_than", "younger_than", "min_attempts",
  "max_attempts"];

/** The attributes among an address's parameters: {domain: ["a.example"]}. */
export function selected(q, attributes = ATTRIBUTES) {
  const selection = {};
  for (const attribute of attributes) {
    const values = q.getAll(attribute).filter((value) => value !== "");
    if (values.length) selection[attribute] = values;
  }
  return selection;
}

/** A selection as the API answers it, with the names that queries have: older-than is older_than. */
export const asked = (selection) => Object.fromEntries(Object.entries(selection).map(([attribute, values]) => [attribute.replaceAll("-", "_"), values]));

export const isEverything = (selection) => Object.keys(selection).length === 0;

/** A word as a shell takes it. */
export const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** --domain a.example --tenant shop */
export const options = (selection) => Object.entries(selection)
  .flatMap(([attribute, values]) => [values].flat().map((value) => `--${attribute.replaceAll("_", "-")} ${quoted(value)}`))
  .join(" ");

/** A command of penstock's, without double blanks. */
export const command = (...words) => ["penstock", ...words].filter((word) => word !== "" && word !== undefined).join(" ");
