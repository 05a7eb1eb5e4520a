"""python lines.py COMPONENT: the host for another program. It reads requests as JSON lines, and answers each with one line.

{"profile": …, "now": …, "chunk": …} starts again with a new tenant, in batches of `chunk` items.
{"operation": …, "items": [texts]} applies items and returns their rows.
{"show": [ids] or null} returns contacts.
{"find": [field, value]} returns the id of a contact.
{"remove": id} removes a contact.
"""

import json
import sys

from component import Loaded
from contacts import Contacts


def answer(contacts, request):
    """Returns the answer to a request, as JSON text."""
    match request:
        case {"operation": operation, "items": items}:
            return json.dumps(contacts.apply(operation, items))
        case {"show": ids}:
            return f"[{','.join(contacts.show(ids))}]"
        case {"find": [field, value]}:
            return json.dumps(contacts.id_of(field, value))
        case {"remove": id}:
            contacts.remove(id)
    return "null"


def main():
    loaded = Loaded(sys.argv[1])
    contacts = None
    for line in sys.stdin:
        request = json.loads(line)
        if "profile" in request:
            contacts = Contacts(loaded.instantiate(), **request)
        print(answer(contacts, request), flush=True)


if __name__ == "__main__":
    main()
