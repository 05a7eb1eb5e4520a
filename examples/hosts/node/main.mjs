// node main.mjs COMPONENT CONTACTS.json: what becomes of each contact, a line of JSON each, as the server says it.

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { load } from "./component.mjs";
import { Contacts } from "./contacts.mjs";
import { split } from "./items.mjs";

const USAGE = `usage: node main.mjs COMPONENT CONTACTS.json [--operation create|replace|update] [--profile FILE]
                                             [--stored FILE] [--show]
  --operation  what to do with the contacts; create unless said
  --profile    the tenant's profile, as 'bulkhead tenant add --profile' takes it
  --stored     where stored contacts are read from, if it is there, and written to
  --show       print the contacts that are stored afterwards, too`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    operation: { type: "string", default: "create" },
    profile: { type: "string" },
    stored: { type: "string" },
    show: { type: "boolean", default: false },
  },
});
if (positionals.length !== 2 || !["create", "replace", "update"].includes(values.operation)) {
  console.error(USAGE);
  process.exit(2);
}

const [component, list] = positionals;
const instantiate = await load(component);
const profile = values.profile ? JSON.parse(await readFile(values.profile, "utf8")) : {};
const contacts = begin(await instantiate(), profile);
if (values.stored && existsSync(values.stored)) contacts.restore(JSON.parse(await readFile(values.stored, "utf8")));

for (const row of contacts.apply(values.operation, split(await readFile(list, "utf8")))) console.log(JSON.stringify(row));
if (values.show) for (const contact of contacts.show()) console.log(contact);
if (values.stored) await writeFile(values.stored, JSON.stringify(contacts.save()));

/** Without contacts; or says what is wrong with the profile. */
function begin(batch, profile) {
  try {
    return new Contacts(batch, profile);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
