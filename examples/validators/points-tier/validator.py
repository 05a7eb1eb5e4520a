"""Points that fit the tier a contact is in."""

import json

from wit_world import exports
from wit_world.imports.types import Objection


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
    """What is wrong with a contact, if it says both its tier and its points."""
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
    try:
        contact = json.loads(text)
    except (ValueError, RecursionError):
        # Numbers of thousands of digits, and lists in lists in lists. The processor says what is wrong with those.
        return {}
    return contact if isinstance(contact, dict) else {}


def number(value):
    """A number, or what the default rules take for one: true, and a text such as "7"."""
    if not isinstance(value, (bool, int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
