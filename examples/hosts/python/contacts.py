"""The host: it keeps contacts in a dictionary, and the component decides items."""

import json
from datetime import datetime, timezone

from component import member, record

# Items or contacts that are passed in one call. The contract allows 1,000.
BATCH_SIZE = 500
# Default of the profile's `maxLength`.
MAX_LENGTH = 64


class Contacts:
    """One tenant: its profile and its contacts.

    `batch` is an instance of the component, and `profile` has the format of `bulkhead tenant add --profile`. Changes are
    dated with `now`, a text `YYYY-MM-DDTHH:MM:SSZ`. Raises ValueError if the profile has flaws, with one line for each flaw.
    """

    def __init__(self, batch, profile=None, now=None, chunk=BATCH_SIZE):
        profile = profile or {}
        self._batch = batch
        self._batch_size = chunk
        # Maps an id to the contact's document and keys. Only the component can read a document.
        self._stored = {}
        # Maps a unique field and its value to an id.
        self._by_key = {}
        self._last_id = 0
        self._profile = record(
            fields=catalogue(batch, profile.get("fields", [])),
            max_length=profile.get("maxLength", MAX_LENGTH),
            owners=[owner(entry) for entry in profile.get("owners", [])],
            stages=[record(**entry) for entry in profile.get("stages", [])],
            companies=[record(**entry) for entry in profile.get("companies", [])],
            now=now or datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            settings=[(name, json.dumps(value)) for name, value in profile.get("settings", {}).items()],
        )

    def apply(self, operation, items):
        """Applies items batch by batch: plans, finds contacts, decides and stores.

        `operation` is `create`, `replace` or `update`, and `items` are JSON texts. Returns one row for each item, in the format
        of the rows of a job on the server.
        """
        session = self._batch.call("[constructor]session", operation, self._profile)
        rows = []
        for start in range(0, len(items), self._batch_size):
            batch = items[start : start + self._batch_size]
            plans = self._batch.call("[method]session.plan", session, batch)
            ids = {self._find(key) for keys in plans for key in keys} - {None}
            found = [self._document(id) for id in sorted(ids)]
            written = []
            for outcome in self._batch.call("[method]session.decide", session, found, []):
                if outcome.tag == "write":
                    written.append(self._write(outcome.payload, written))
                    rows.append({"id": written[-1], "statusCode": outcome.payload.status})
                else:
                    written.append(None)
                    rows.append(rejected_row(outcome.payload))
        self._batch.drop(session)
        return rows

    def show(self, ids=None):
        """Returns the existing contacts among `ids`, or all contacts, as JSON texts in the form that clients see."""
        found = [id for id in (self._stored if ids is None else ids) if id in self._stored]
        shown = []
        for start in range(0, len(found), self._batch_size):
            stored = [self._document(id) for id in found[start : start + self._batch_size]]
            shown += self._batch.call("present", self._profile, stored)
        return shown

    def id_of(self, field, value):
        """Returns the id of the contact whose unique field has this value in normal form."""
        return self._by_key.get((field, value))

    def remove(self, id):
        """Removes a contact."""
        self._unlink(id)
        self._stored.pop(id, None)

    def save(self):
        """Returns all stored data, in a form that can be written to a file as JSON."""
        as_members = lambda keys: [{"field": field, "value": value} for field, value in keys]
        return [{"id": id, "document": document, "keys": as_members(keys)} for id, (document, keys) in self._stored.items()]

    def restore(self, contacts):
        """Restores data that `save` returned."""
        for contact in contacts:
            keys = [(key["field"], key["value"]) for key in contact["keys"]]
            self._put(contact["id"], contact["document"], keys)

    def _find(self, key):
        # A variant whose cases have different types is represented by its value: here a number or a record.
        if isinstance(key, int):
            return key if key in self._stored else None
        return self._by_key.get((key.field, key.value))

    def _document(self, id):
        return record(id=id, document=self._stored[id][0])

    def _write(self, write, written):
        match write.target.tag:
            case "existing":
                id = write.target.payload
            case "earlier":
                id = written[write.target.payload]
            case _:
                id = self._last_id + 1
        self._put(id, write.document, [(key.field, key.value) for key in write.keys])
        return id

    def _put(self, id, document, keys):
        self._unlink(id)
        self._stored[id] = (document, keys)
        self._by_key.update((key, id) for key in keys)
        self._last_id = max(self._last_id, id)

    def _unlink(self, id):
        for key in self._stored.get(id, (None, []))[1]:
            del self._by_key[key]


def catalogue(batch, entries):
    """Returns the component's fields with the entries of the profile applied to them."""
    full = [
        record(
            alias=entry["alias"],
            label=entry.get("label"),
            kind=entry.get("type"),
            group=entry.get("group"),
            choices=[record(**choice) for choice in entry["choices"]] if entry.get("choices") is not None else None,
            is_required=entry.get("required"),
            is_unique=entry.get("unique"),
            max_length=entry.get("maxLength"),
            scale=entry.get("scale"),
        )
        for entry in entries
    ]
    fields = batch.call("fields", full)
    if fields.tag == "err":
        raise ValueError("\n".join(f"fields[{flaw.entry}].{flaw.member}: {flaw.message}" for flaw in fields.payload))
    return fields.payload


def owner(entry):
    return record(
        id=entry["id"],
        username=entry["username"],
        first_name=entry.get("firstName", ""),
        last_name=entry.get("lastName", ""),
    )


def rejected_row(rejection):
    if member(rejection, "api-style"):
        errors = {"message": rejection.message, "code": rejection.status, "type": "api"}
    else:
        details = dict(rejection.details)
        errors = {"code": rejection.status, "message": rejection.message, "details": details, "type": None}
    return {"id": rejection.id, "statusCode": rejection.status, "errors": errors}
