// The host: it keeps contacts in a map, and the component decides items.

/** Items or contacts that are passed in one call. The contract allows 1,000. */
const BATCH_SIZE = 500;
/** Default of the profile's `maxLength`. */
const MAX_LENGTH = 64;

/** One tenant: its profile and its contacts. */
export class Contacts {
  #batch;
  #profile;
  #batchSize;
  /** Maps an id, a BigInt, to the contact's document and keys. Only the component can read a document. */
  #stored = new Map();
  /** Maps a unique field and its value to an id. */
  #byKey = new Map();
  #lastId = 0n;

  /**
   * @param component an instance of a component that `load` returned
   * @param profile a profile in the format of `bulkhead tenant add --profile`
   * @param now the time that changes are dated with: a `Date`, or a text `YYYY-MM-DDTHH:MM:SSZ`
   * @throws {Error} if the profile has flaws, with one line for each flaw
   */
  constructor(component, profile = {}, { now = new Date(), chunk = BATCH_SIZE } = {}) {
    this.#batch = component.batch;
    this.#batchSize = chunk;
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
   * Applies items batch by batch: plans, finds contacts, decides and stores.
   * @param operation `create`, `replace` or `update`
   * @param items JSON texts
   * @returns one row for each item, in the format of the rows of a job on the server
   */
  apply(operation, items) {
    const session = new this.#batch.Session(operation, this.#profile);
    const rows = [];
    for (let start = 0; start < items.length; start += this.#batchSize) {
      const keys = session.plan(items.slice(start, start + this.#batchSize)).flat();
      const ids = new Set(keys.map((key) => this.#find(key)).filter((id) => id !== undefined));
      const found = [...ids].map((id) => this.#document(id));
      const written = [];
      for (const outcome of session.decide(found, [])) {
        if (outcome.tag === "write") {
          const id = this.#write(outcome.val, written);
          written.push(id);
          rows.push({ id: Number(id), statusCode: outcome.val.status });
        } else {
          written.push(undefined);
          rows.push(rejectedRow(outcome.val));
        }
      }
    }
    session[Symbol.dispose]();
    return rows;
  }

  /** Returns the existing contacts among `ids`, or all contacts, as JSON texts in the form that clients see. */
  show(ids = [...this.#stored.keys()]) {
    const found = ids.map(BigInt).filter((id) => this.#stored.has(id));
    const shown = [];
    for (let start = 0; start < found.length; start += this.#batchSize) {
      const stored = found.slice(start, start + this.#batchSize).map((id) => this.#document(id));
      shown.push(...this.#batch.present(this.#profile, stored));
    }
    return shown;
  }

  /** Returns the id of the contact whose unique field has this value in normal form. */
  idOf(field, value) {
    return this.#byKey.get(mapKey({ field, value }));
  }

  /** Removes a contact. */
  remove(id) {
    this.#unlink(BigInt(id));
    this.#stored.delete(BigInt(id));
  }

  /** Returns all stored data, in a form that can be written to a file as JSON. */
  save() {
    return [...this.#stored].map(([id, stored]) => ({ id: Number(id), ...stored }));
  }

  /** Restores data that `save` returned. */
  restore(contacts) {
    for (const { id, document, keys } of contacts) this.#put(BigInt(id), document, keys);
  }

  #find(key) {
    if (key.tag === "unique") return this.#byKey.get(mapKey(key.val));
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
    for (const key of keys) this.#byKey.set(mapKey(key), id);
    if (id > this.#lastId) this.#lastId = id;
  }

  #unlink(id) {
    for (const key of this.#stored.get(id)?.keys ?? []) this.#byKey.delete(mapKey(key));
  }
}

/** Returns the component's fields with the entries of the profile applied to them. */
function catalogue(batch, entries) {
  const full = entries.map(({ alias, label, type: kind, group, choices, required, unique, maxLength, scale }) => {
    return { alias, label, kind, group, choices, isRequired: required, isUnique: unique, maxLength, scale };
  });
  try {
    return batch.fields(full);
  } catch (flaws) {
    // If a `result` is an error, its value is thrown.
    if (!Array.isArray(flaws)) throw flaws;
    throw new Error(flaws.map(({ entry, member, message }) => `fields[${entry}].${member}: ${message}`).join("\n"));
  }
}

function rejectedRow({ id, status, message, details, apiStyle }) {
  const errors = apiStyle
    ? { message, code: status, type: "api" }
    : { code: status, message, details: Object.fromEntries(details), type: null };
  return { id: id === undefined ? null : Number(id), statusCode: status, errors };
}

function named({ id, name }) {
  return { id: BigInt(id), name };
}

function mapKey({ field, value }) {
  return JSON.stringify([field, value]);
}
