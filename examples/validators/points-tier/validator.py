"""Points that fit the tier a contact is in."""

import json
import re

from wit_world import exports
from wit_world.imports.types import Objection

# Python reads lists in lists by recursion, for which there is less room here than it believes: the call would trap.
DEEPEST = 200


class Validation(exports.Validation):
    def check(self, operation, profile, items):
        """`items` are JSON texts of any kind, as the client sent them."""
        tiers = tiers_of(profile)
        objections = []
        for index, text in enumerate(items):
            message = complaint(read(text), tiers)
            if message:
                objections.append(Objection(index, "points", message))
        return objections


def complaint(contact, tiers):
    """What is wrong with a contact, if it says both its tier and its points. What cannot be read is not accepted."""
    if contact is None:
        return "This contact cannot be read."
    tier, points = contact.get("tier"), number(contact.get("points"))
    if not isinstance(tier, str) or tier not in tiers or points is None:
        return None
    least, most = tiers[tier]
    if points < least:
        return f"The tier {tier} begins at {least} points."
    if most is not None and points > most:
        return f"The tier {tier} ends at {most} points."
    return None


def tiers_of(profile):
    """The setting `tiers` of the tenant's profile: the least and the most points by name, such as {"gold": [500, null]}."""
    return json.loads(dict(profile.settings).get("tiers", "{}"))


def read(text):
    """The contact, with no members if it is no object; None if it is nested too deeply or has a number of 4,300 digits."""
    if depth(text) > DEEPEST:
        return None
    try:
        contact = json.loads(text)
    except ValueError:
        return None
    return contact if isinstance(contact, dict) else {}


def depth(text):
    """How deeply lists and objects are nested."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return 0
    deepest = now = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[][{}]', text):
        now += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        deepest = max(deepest, now)
    return deepest


def number(value):
    """A number, or what the default rules take for one: true, and a text such as "7"."""
    if not isinstance(value, (bool, int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
