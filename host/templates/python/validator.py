"""A validator: its objections are added to the errors that the processor finds."""

import json
import re

from wit_world import exports
from wit_world.imports.types import Objection

# Python parses nested lists recursively, and the stack of a component is smaller than Python assumes: the call would trap.
MAX_DEPTH = 200


class Validation(exports.Validation):
    def check(self, operation, profile, items):
        """`items` are JSON texts of any kind, as the client sent them."""
        blocked = blocked_domains(profile)
        objections = []
        for index, text in enumerate(items):
            try:
                domain = domain_of(text)
            except ValueError:
                objections.append(Objection(index, "email", "This contact cannot be read."))
                continue
            if domain in blocked:
                objections.append(Objection(index, "email", f"Addresses of {domain} are not accepted."))
        return objections


def domain_of(text):
    """Raises ValueError if the item is nested too deeply, or has a number of more than 4,300 digits."""
    if depth(text) > MAX_DEPTH:
        raise ValueError("nested too deeply")
    item = json.loads(text)
    email = item.get("email") if isinstance(item, dict) else None
    return email.strip().lower().split("@")[-1] if isinstance(email, str) else None


def blocked_domains(profile):
    """Returns the setting `blocked` of the tenant's profile, such as ["example.org"]."""
    domains = json.loads(dict(profile.settings).get("blocked", "[]"))
    return [str(domain).lower() for domain in domains] if isinstance(domains, list) else []


def depth(text):
    """Returns how deeply lists and objects are nested; 0 if there are too few to matter."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    deepest = now = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[][{}]', text):
        now += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        deepest = max(deepest, now)
    return deepest
