"""A validator: its objections are added to what the processor finds."""

import json

from wit_world import exports
from wit_world.imports.types import Objection


class Validation(exports.Validation):
    def check(self, operation, profile, items):
        """`items` are JSON texts of any kind, as the client sent them."""
        blocked = blocked_domains(profile)
        objections = []
        for index, text in enumerate(items):
            domain = domain_of(text)
            if domain in blocked:
                objections.append(Objection(index, "email", f"Addresses of {domain} are not accepted."))
        return objections


def domain_of(text):
    try:
        item = json.loads(text)
    except (ValueError, RecursionError):
        # Numbers of thousands of digits, and lists in lists in lists. The processor says what is wrong with those.
        return None
    email = item.get("email") if isinstance(item, dict) else None
    return email.strip().lower().split("@")[-1] if isinstance(email, str) else None


def blocked_domains(profile):
    """The setting `blocked` of the tenant's profile, such as ["example.org"]."""
    domains = json.loads(dict(profile.settings).get("blocked", "[]"))
    return [str(domain).lower() for domain in domains] if isinstance(domains, list) else []
