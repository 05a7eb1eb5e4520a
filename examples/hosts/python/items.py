"""Contacts are handed over as they were written: `1.0` stays `1.0`, and a number of twenty digits keeps them all."""

import json
import re

_SPACE = re.compile(r"[ \t\n\r]*")


def split(text):
    """The texts of the elements of a list. Raises ValueError if `text` is no list in JSON."""
    if not isinstance(json.loads(text), list):
        raise ValueError("expected a list of contacts")
    decoder = json.JSONDecoder()
    items = []
    place = _SPACE.match(text, text.index("[") + 1).end()
    while text[place] != "]":
        _, end = decoder.raw_decode(text, place)
        items.append(text[place:end])
        place = _SPACE.match(text, end).end()
        if text[place] == ",":
            place = _SPACE.match(text, place + 1).end()
    return items
