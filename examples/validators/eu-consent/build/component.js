// The component: the validator, and a check of its objections. The contract's own check cannot tell a missing index from 0,
// because JavaScript turns both into the same number. You need not change this file.

import "./not-granted.js";
import * as written from "../validator.js";

const MAX_SHOWN = 200;

if (typeof written.validation?.check !== "function") {
  throw new Error("validator.js must export its function: export const validation = { check(operation, profile, items) { … } };");
}

export const validation = {
  check(operation, profile, items) {
    const reply = written.validation.check(operation, profile, items);
    return typeof reply?.then === "function" ? reply.then((list) => checked(list, items)) : checked(reply, items);
  },
};

function checked(objections, items) {
  if (!Array.isArray(objections)) {
    throw new TypeError(`check must return a list of objections, and returned ${shown(objections)}`);
  }
  objections.forEach((objection, place) => {
    const fault = faultOf(objection, items.length);
    if (fault) throw new TypeError(`objection ${place} that check returned is ${shown(objection)}: ${fault}`);
  });
  return objections;
}

function faultOf(objection, count) {
  if (typeof objection !== "object" || objection === null) return "it must be an object { index, field, message }";
  const { index, field, message } = objection;
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    return `its index must be the place of the item in 'items', a number from 0 to ${count - 1}`;
  }
  if (typeof field !== "string") return "its field must be the alias of a field, a string";
  if (typeof message !== "string") return "its message must be a sentence for the client, a string";
}

function shown(value) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch {
    // A value that JSON does not have, such as a number of any size.
  }
  text ??= String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
