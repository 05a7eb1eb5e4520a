// node main.mjs COMPONENT CONTACTS.json: prints one JSON line for each contact, in the format of the server's rows.

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { load } from "./component.mjs";
import { Contacts } from "./contacts.mjs";
import { split } from "./items.mjs";

const USAGE = `usage: node main.mjs COMPONENT CONTACTS.json [--operation create|replace|update] [--profile FILE]
                                             [--stored FILE] [--show]
  --operation  the operation; the default is create
  --profile    the tenant's profile, in the format of 'bulkhead tenant add --profile'
  --stored     a file with the stored contacts, which is read if it exists, and written at the end
  --show       also print all stored contacts at the end`;

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
const contacts = newTenant(await instantiate(), profile);
if (values.stored && existsSync(values.stored)) contacts.restore(JSON.parse(await readFile(values.stored, "utf8")));

for (const row of contacts.apply(values.operation, split(await readFile(list, "utf8")))) console.log(JSON.stringify(row));
if (values.show) for (const contact of contacts.show()) console.log(contact);
if (values.stored) await writeFile(values.stored, JSON.stringify(contacts.save()));

/** Returns a tenant without contacts. If the profile has flaws, prints them and exits. */
function newTenant(batch, profile) {
  try {
    return new Contacts(batch, profile);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
