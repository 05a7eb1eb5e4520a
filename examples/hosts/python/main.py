"""python main.py COMPONENT CONTACTS.json: what becomes of each contact, a line of JSON each, as the server says it."""

import argparse
import json
import sys
from pathlib import Path

from component import Loaded
from contacts import Contacts
from items import split


def main():
    arguments = parse()
    profile = json.loads(arguments.profile.read_text()) if arguments.profile else {}
    try:
        contacts = Contacts(Loaded(arguments.component).instantiate(), profile)
    except ValueError as flaws:
        sys.exit(str(flaws))
    if arguments.stored and arguments.stored.exists():
        contacts.restore(json.loads(arguments.stored.read_text()))
    for row in contacts.apply(arguments.operation, split(arguments.contacts.read_text())):
        print(as_json(row))
    if arguments.show:
        for contact in contacts.show():
            print(contact)
    if arguments.stored:
        arguments.stored.write_text(as_json(contacts.save()))


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("component", metavar="COMPONENT")
    parser.add_argument("contacts", metavar="CONTACTS.json", type=Path)
    parser.add_argument("--operation", choices=["create", "replace", "update"], default="create")
    parser.add_argument("--profile", type=Path, help="the tenant's profile, as 'bulkhead tenant add --profile' takes it")
    parser.add_argument(
        "--stored", type=Path, help="where stored contacts are read from, if it is there, and written to"
    )
    parser.add_argument("--show", action="store_true", help="print the contacts that are stored afterwards, too")
    return parser.parse_args()


def as_json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
