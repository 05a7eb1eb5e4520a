"""A validator: a contact's points must be within its tier."""

import json
import re

from wit_world import exports
from wit_world.imports.types import Objection

# Largest depth of nested lists and objects. Python parses them recursively, and the component's stack is smaller than Python
# assumes, so a deeper item would make the call trap.
MAX_DEPTH = 200


class Validation(exports.Validation):
    def check(self, operation, profile, items):
        """Each item is a JSON text as the client sent it, which may be any JSON value."""
        tiers = tiers_of(profile)
        objections = []
        for index, text in enumerate(items):
            message = objection_message(read(text), tiers)
            if message:
                objections.append(Objection(index, "points", message))
        return objections


def objection_message(contact, tiers):
    """Returns the objection to a contact whose points are outside its tier, or that cannot be read; otherwise None."""
    if contact is None:
        return "This contact cannot be read."
    tier, points = contact.get("tier"), number(contact.get("points"))
    if not isinstance(tier, str) or tier not in tiers or points is None:
        return None
    lowest, highest = tiers[tier]
    if points < lowest:
        return f"The tier {tier} begins at {lowest} points."
    if highest is not None and points > highest:
        return f"The tier {tier} ends at {highest} points."
    return None


def tiers_of(profile):
    """Returns the setting `tiers`: the lowest and highest points of each tier, such as {"gold": [500, null]}."""
    return json.loads(dict(profile.settings).get("tiers", "{}"))


def read(text):
    """Parses an item. Returns an empty contact for a value that is not an object, and None for a text that Python cannot parse."""
    if depth(text) > MAX_DEPTH:
        return None
    try:
        contact = json.loads(text)
    except ValueError:
        return None
    return contact if isinstance(contact, dict) else {}


def depth(text):
    """Returns the depth of nested lists and objects, or 0 if it cannot be too large."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    deepest = current = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[][{}]', text):
        current += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        deepest = max(deepest, current)
    return deepest


def number(value):
    """Returns a value as a number, as the default rules read it: true and texts such as "7" are numbers, too."""
    if not isinstance(value, (bool, int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
