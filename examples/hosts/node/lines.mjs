// node lines.mjs COMPONENT: the host for another program, which asks by lines of JSON and gets one line for each.
// {"profile": …, "now": …, "chunk": …} begins anew, {"operation": …, "items": [texts]} gives rows, {"show": [ids] or null}
// a list of contacts, {"find": [field, value]} and {"remove": id} are what they say.

import { createInterface } from "node:readline";

import { load } from "./component.mjs";
import { Contacts } from "./contacts.mjs";

const instantiate = await load(process.argv[2]);
let contacts;

/** A JSON text. */
async function answer({ profile, operation, items, show, find, remove, ...options }) {
  if (profile) contacts = new Contacts(await instantiate(), profile, options);
  else if (operation) return JSON.stringify(contacts.apply(operation, items));
  else if (show !== undefined) return `[${contacts.show(show ?? undefined)}]`;
  else if (find) return String(contacts.idOf(...find) ?? null);
  else contacts.remove(remove);
  return "null";
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(await answer(JSON.parse(line)));
}
