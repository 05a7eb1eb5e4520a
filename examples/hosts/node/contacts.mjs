// The host: contacts in a map, and the component deciding about them.

/** Items or contacts that are handed over together; the contract allows 1,000. */
const CHUNK = 500;
/** Longest value of a field unless the profile says otherwise. */
const MAX_LENGTH = 64;

/** One tenant: its profile and its contacts. */
export class Contacts {
  #batch;
  #profile;
  #chunk;
  /** By id, a BigInt: the document, which is the component's own business, and the keys to find it by. */
  #stored = new Map();
  /** From a unique field and its value to an id. */
  #byKey = new Map();
  #lastId = 0n;

  /**
   * @param component an instance, as `load` makes them
   * @param profile what `bulkhead tenant add --profile` takes
   * @param now the moment to record as that of a change, `YYYY-MM-DDTHH:MM:SSZ`
   * @throws {Error} with the flaws of the profile, one a line
   */
  constructor(component, profile = {}, { now = new Date(), chunk = CHUNK } = {}) {
    this.#batch = component.batch;
    this.#chunk = chunk;
    this.#profile = {
      fields: catalogue(this.#batch, profile.fields ?? []),
      maxLength: profile.maxLength ?? MAX_LENGTH,
      owners: (profile.owners ?? []).map(({ id, username, firstName = "", lastName = "" }) => {
        return { id: BigInt(id), username, firstName, lastName };
      }),
      stages: (profile.stages ?? []).map(named),
      companies: (profile.companies ?? []).map(named),
      now: typeof now === "string" ? now : now.toISOString().replace(/\.\d+Z$/, "Z"),
      settings: Object.entries(profile.settings ?? {}).map(([name, value]) => [name, JSON.stringify(value)]),
    };
  }

  /**
   * Plan, find, decide, commit: chunk by chunk.
   * @param operation `create`, `replace` or `update`
   * @param items JSON texts
   * @returns one row for each item, like those that the server shows of a job
   */
  apply(operation, items) {
    const session = new this.#batch.Session(operation, this.#profile);
    const rows = [];
    for (let start = 0; start < items.length; start += this.#chunk) {
      const wanted = session.plan(items.slice(start, start + this.#chunk)).flat();
      const ids = new Set(wanted.map((key) => this.#find(key)).filter((id) => id !== undefined));
      const found = [...ids].map((id) => this.#document(id));
      const written = [];
      for (const outcome of session.decide(found, [])) {
        if (outcome.tag === "write") {
          const id = this.#write(outcome.val, written);
          written.push(id);
          rows.push({ id: Number(id), statusCode: outcome.val.status });
        } else {
          written.push(undefined);
          rows.push(refused(outcome.val));
        }
      }
    }
    session[Symbol.dispose]();
    return rows;
  }

  /** Contacts as a client sees them, JSON texts, those that exist; all of them unless ids are given. */
  show(ids = [...this.#stored.keys()]) {
    const found = ids.map(BigInt).filter((id) => this.#stored.has(id));
    const shown = [];
    for (let start = 0; start < found.length; start += this.#chunk) {
      const stored = found.slice(start, start + this.#chunk).map((id) => this.#document(id));
      shown.push(...this.#batch.present(this.#profile, stored));
    }
    return shown;
  }

  /** The id of the contact whose unique field has this value in normal form. */
  idOf(field, value) {
    return this.#byKey.get(keyText({ field, value }));
  }

  /** Forgets a contact. */
  remove(id) {
    this.#unlink(BigInt(id));
    this.#stored.delete(BigInt(id));
  }

  /** Everything stored, to be kept in a file. */
  save() {
    return [...this.#stored].map(([id, stored]) => ({ id: Number(id), ...stored }));
  }

  /** Takes what `save` gave. */
  restore(contacts) {
    for (const { id, document, keys } of contacts) this.#put(BigInt(id), document, keys);
  }

  #find(key) {
    if (key.tag === "unique") return this.#byKey.get(keyText(key.val));
    return this.#stored.has(key.val) ? key.val : undefined;
  }

  #document(id) {
    return { id, document: this.#stored.get(id).document };
  }

  #write({ target, document, keys }, written) {
    let id = this.#lastId + 1n;
    if (target.tag === "existing") id = target.val;
    else if (target.tag === "earlier") id = written[target.val];
    this.#put(id, document, keys);
    return id;
  }

  #put(id, document, keys) {
    this.#unlink(id);
    this.#stored.set(id, { document, keys });
    for (const key of keys) this.#byKey.set(keyText(key), id);
    if (id > this.#lastId) this.#lastId = id;
  }

  #unlink(id) {
    for (const key of this.#stored.get(id)?.keys ?? []) this.#byKey.delete(keyText(key));
  }
}

/** The component's own fields with the profile's entries applied. */
function catalogue(batch, entries) {
  const full = entries.map(({ alias, label, type: kind, group, choices, required, unique, maxLength, scale }) => {
    return { alias, label, kind, group, choices, isRequired: required, isUnique: unique, maxLength, scale };
  });
  try {
    return batch.fields(full);
  } catch (flaws) {
    // What a `result` holds that is no `ok` is thrown, as it is.
    if (!Array.isArray(flaws)) throw flaws;
    throw new Error(flaws.map(({ entry, member, message }) => `fields[${entry}].${member}: ${message}`).join("\n"));
  }
}

function refused({ id, status, message, details, apiStyle }) {
  const errors = apiStyle
    ? { message, code: status, type: "api" }
    : { code: status, message, details: Object.fromEntries(details), type: null };
  return { id: id === undefined ? null : Number(id), statusCode: status, errors };
}

function named({ id, name }) {
  return { id: BigInt(id), name };
}

function keyText({ field, value }) {
  return JSON.stringify([field, value]);
}
