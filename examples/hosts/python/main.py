"""python main.py COMPONENT CONTACTS.json: prints one JSON line for each contact, in the format of the server's rows."""

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
    parser.add_argument("--profile", type=Path, help="the tenant's profile, in the format of 'bulkhead tenant add --profile'")
    parser.add_argument(
        "--stored", type=Path, help="a file with the stored contacts, which is read if it exists, and written at the end"
    )
    parser.add_argument("--show", action="store_true", help="also print all stored contacts at the end")
    return parser.parse_args()


def as_json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
