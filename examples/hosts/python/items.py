"""Splits a list of contacts without changing their text: `1.0` stays `1.0`, and a number with twenty digits keeps all of them."""

import json
import re

_BLANKS = re.compile(r"[ \t\n\r]*")


def split(text):
    """Returns the text of each element of a JSON list. Raises ValueError if `text` is not a JSON list."""
    if not isinstance(json.loads(text), list):
        raise ValueError("expected a list of contacts")
    decoder = json.JSONDecoder()
    items = []
    position = _BLANKS.match(text, text.index("[") + 1).end()
    while text[position] != "]":
        _, end = decoder.raw_decode(text, position)
        items.append(text[position:end])
        position = _BLANKS.match(text, end).end()
        if text[position] == ",":
            position = _BLANKS.match(text, position + 1).end()
    return items
