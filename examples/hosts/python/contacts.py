"""The host: contacts in a dictionary, and the component deciding about them."""

import json
from datetime import datetime, timezone

from component import member, record

# Items or contacts that are handed over together; the contract allows 1,000.
CHUNK = 500
# Longest value of a field unless the profile says otherwise.
MAX_LENGTH = 64


class Contacts:
    """One tenant: its profile and its contacts.

    `batch` is an instance of the component; `profile` is what `bulkhead tenant add --profile` takes; `now`, the moment to
    record as that of a change, is `YYYY-MM-DDTHH:MM:SSZ`. Raises ValueError with the flaws of the profile, one a line.
    """

    def __init__(self, batch, profile=None, now=None, chunk=CHUNK):
        profile = profile or {}
        self._batch = batch
        self._chunk = chunk
        # By id: the document, which is the component's own business, and the keys to find it by.
        self._stored = {}
        # From a unique field and its value to an id.
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
        """Plan, find, decide, commit: chunk by chunk.

        `operation` is `create`, `replace` or `update`, `items` are JSON texts. Returns one row for each item, like those
        that the server shows of a job.
        """
        session = self._batch.call("[constructor]session", operation, self._profile)
        rows = []
        for start in range(0, len(items), self._chunk):
            chunk = items[start : start + self._chunk]
            plans = self._batch.call("[method]session.plan", session, chunk)
            ids = {self._find(key) for keys in plans for key in keys} - {None}
            found = [self._document(id) for id in sorted(ids)]
            written = []
            for outcome in self._batch.call("[method]session.decide", session, found, []):
                if outcome.tag == "write":
                    written.append(self._write(outcome.payload, written))
                    rows.append({"id": written[-1], "statusCode": outcome.payload.status})
                else:
                    written.append(None)
                    rows.append(refused(outcome.payload))
        self._batch.drop(session)
        return rows

    def show(self, ids=None):
        """Contacts as a client sees them, JSON texts, those that exist; all of them unless ids are given."""
        found = [id for id in (self._stored if ids is None else ids) if id in self._stored]
        shown = []
        for start in range(0, len(found), self._chunk):
            stored = [self._document(id) for id in found[start : start + self._chunk]]
            shown += self._batch.call("present", self._profile, stored)
        return shown

    def id_of(self, field, value):
        """The id of the contact whose unique field has this value in normal form."""
        return self._by_key.get((field, value))

    def remove(self, id):
        """Forgets a contact."""
        self._unlink(id)
        self._stored.pop(id, None)

    def save(self):
        """Everything stored, to be kept in a file."""
        as_members = lambda keys: [{"field": field, "value": value} for field, value in keys]
        return [{"id": id, "document": document, "keys": as_members(keys)} for id, (document, keys) in self._stored.items()]

    def restore(self, contacts):
        """Takes what `save` gave."""
        for contact in contacts:
            keys = [(key["field"], key["value"]) for key in contact["keys"]]
            self._put(contact["id"], contact["document"], keys)

    def _find(self, key):
        # A variant whose cases are of different types comes as what it holds: here a number or a record.
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
    """The component's own fields with the profile's entries applied."""
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


def refused(rejection):
    if member(rejection, "api-style"):
        errors = {"message": rejection.message, "code": rejection.status, "type": "api"}
    else:
        details = dict(rejection.details)
        errors = {"code": rejection.status, "message": rejection.message, "details": details, "type": None}
    return {"id": rejection.id, "statusCode": rejection.status, "errors": errors}
