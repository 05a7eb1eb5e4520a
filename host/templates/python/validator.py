"""A validator: its objections are added to what the processor finds."""

import json
import re

from wit_world import exports
from wit_world.imports.types import Objection

# Python reads lists in lists by recursion, for which there is less room here than it believes: the call would trap.
DEEPEST = 200


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
    """Raises ValueError for what is nested too deeply, or has a number of 4,300 digits."""
    if depth(text) > DEEPEST:
        raise ValueError("nested too deeply")
    item = json.loads(text)
    email = item.get("email") if isinstance(item, dict) else None
    return email.strip().lower().split("@")[-1] if isinstance(email, str) else None


def blocked_domains(profile):
    """The setting `blocked` of the tenant's profile, such as ["example.org"]."""
    domains = json.loads(dict(profile.settings).get("blocked", "[]"))
    return [str(domain).lower() for domain in domains] if isinstance(domains, list) else []


def depth(text):
    """How deeply lists and objects are nested."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return 0
    deepest = now = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[][{}]', text):
        now += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        deepest = max(deepest, now)
    return deepest
