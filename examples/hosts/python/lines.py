"""python lines.py COMPONENT: the host for another program, which asks by lines of JSON and gets one line for each.

{"profile": …, "now": …, "chunk": …} begins anew, {"operation": …, "items": [texts]} gives rows, {"show": [ids] or null},
{"find": [field, value]} and {"remove": id} are what they say.
"""

import json
import sys

from component import Loaded
from contacts import Contacts


def answer(contacts, request):
    match request:
        case {"operation": operation, "items": items}:
            return contacts.apply(operation, items)
        case {"show": ids}:
            return contacts.show(ids)
        case {"find": [field, value]}:
            return contacts.id_of(field, value)
        case {"remove": id}:
            return contacts.remove(id)


def main():
    loaded = Loaded(sys.argv[1])
    contacts = None
    for line in sys.stdin:
        request = json.loads(line)
        if "profile" in request:
            contacts = Contacts(loaded.instantiate(), **request)
        print(json.dumps(answer(contacts, request)), flush=True)


if __name__ == "__main__":
    main()
