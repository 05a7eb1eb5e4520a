"""The component: the validator, a check of its objections, and what a component does not get. You need not change this file."""

import sys
import time

from wit_world import exports
from wit_world.imports.types import Objection

MAX_SHOWN = 200


def not_granted(name):
    def refuse(*_, **__):
        raise RuntimeError(f"{name}: a component cannot wait: a check answers at once")

    return refuse


class MissingModules:
    """Explains why a module is not there. Python asks it last."""

    def __init__(self):
        self.is_running = False

    def find_spec(self, name, path=None, target=None):
        if self.is_running:
            raise ModuleNotFoundError(
                f"No module named '{name}': a component has the modules that were imported when it was built. "
                "Import it at the top of a file, or name it in modules.txt",
                name=name,
            )
        return None


missing_modules = MissingModules()
sys.meta_path.append(missing_modules)
time.sleep = not_granted("time.sleep")

# Imported only now, so that these modules meet what is above.
import kept_modules  # noqa: E402, F401
import validator  # noqa: E402


class Validation(exports.Validation):
    def check(self, operation, profile, items):
        missing_modules.is_running = True
        objections = validator.Validation().check(operation, profile, items)
        if not isinstance(objections, list):
            raise TypeError(f"check must return a list of objections, and returned {shown(objections)}")
        for place, objection in enumerate(objections):
            fault = fault_of(objection, len(items))
            if fault:
                raise TypeError(f"objection {place} that check returned is {shown(objection)}: {fault}")
        return objections


def fault_of(objection, count):
    if not isinstance(objection, Objection):
        return "it must be an Objection(index, field, message)"
    index = objection.index
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
        return f"its index must be the place of the item in 'items', a number from 0 to {count - 1}"
    if not isinstance(objection.field, str):
        return "its field must be the alias of a field, a string"
    if not isinstance(objection.message, str):
        return "its message must be a sentence for the client, a string"
    return None


def shown(value):
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
