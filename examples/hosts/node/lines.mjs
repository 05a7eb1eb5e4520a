// node lines.mjs COMPONENT: the host for another program. It reads requests as JSON lines, and answers each with one line:
// {"profile": …, "now": …, "chunk": …} starts again with a new tenant, in batches of `chunk` items;
// {"operation": …, "items": [texts]} applies items and returns their rows;
// {"show": [ids] or null} returns contacts;
// {"find": [field, value]} returns the id of a contact;
// {"remove": id} removes a contact.

import { createInterface } from "node:readline";

import { load } from "./component.mjs";
import { Contacts } from "./contacts.mjs";

const instantiate = await load(process.argv[2]);
let contacts;

/** Returns the answer to a request, as JSON text. */
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
