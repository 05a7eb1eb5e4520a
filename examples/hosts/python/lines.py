"""python lines.py COMPONENT: the host for another program, which asks by lines of JSON and gets one line for each.

{"profile": …, "now": …, "chunk": …} begins anew, {"operation": …, "items": [texts]} gives rows, {"show": [ids] or null} a list of
contacts, {"find": [field, value]} and {"remove": id} are what they say.
"""

import json
import sys

from component import Loaded
from contacts import Contacts


def answer(contacts, request):
    """A JSON text."""
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
