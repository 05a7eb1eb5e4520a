"""Refuses a description that breaks clients of an earlier one.

A client breaks if it may send less than before, or may be answered what it cannot expect. So a schema of what clients send must
not become narrower, and a schema of answers must not become wider.
"""

import sys

from document import DOCUMENTS, ROOT, Document

RELEASED = ROOT / "docs/openapi-released"
# Bounds that become narrower when they fall, and those that do when they rise.
UPPER = ("maximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "minLength", "minItems", "minProperties")
# A schema with this member is one that clients compare as a whole.
FROZEN = "x-never-grows"


def types(schema):
    """Returns the types that a schema allows, or None for all."""
    listed = schema.get("type")
    if listed is None:
        return None
    names = {listed} if isinstance(listed, str) else set(listed)
    return names | {"integer"} if "number" in names else names


def values(schema):
    """Returns the values that a schema allows one by one, or None."""
    listed = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if listed is None else {repr(value) for value in listed}


def escapes(inner, outer):
    """Returns what the first of two sets allows and the second does not. None is the set of everything."""
    if outer is None:
        return set()
    return {"any"} if inner is None else inner - outer


class Comparison:
    def __init__(self, old, new):
        self.old, self.new = old, new
        self.faults, self.compared = [], set()

    def fault(self, where, what):
        self.faults.append(f"{where}: {what}")

    def run(self):
        for path, method, operation in self.old.operations():
            where = f"{method} {path}"
            other = self.new.tree["paths"].get(path, {}).get(method.lower())
            if other is None:
                self.fault(where, "is removed")
                continue
            self.parameters(where, path, operation, other)
            self.body(where, operation.get("requestBody"), other.get("requestBody"))
            answers = self.new.responses(other)
            for status, response in self.old.responses(operation).items():
                if status not in answers:
                    self.fault(where, f"the answer {status} is removed")
                    continue
                self.content(f"{where} {status}", response, answers[status], sent=False)
                for name, header in response.get("headers", {}).items():
                    later = self.new.follow(answers[status].get("headers", {}).get(name, {}))
                    if self.old.follow(header).get("required") and not later.get("required"):
                        self.fault(f"{where} {status}", f"the header {name} is not always there any more")
        return self.faults

    def parameters(self, where, path, operation, other):
        def by_name(document, operation):
            return {(it["in"], it["name"]): it for it in document.parameters(path, operation)}

        before, after = by_name(self.old, operation), by_name(self.new, other)
        for key, parameter in before.items():
            if key not in after:
                self.fault(where, f"the parameter {key[1]} is removed")
            else:
                self.schema(f"{where} {key[1]}", parameter["schema"], after[key]["schema"], sent=True)
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                self.fault(where, f"the parameter {key[1]} is required now")

    def body(self, where, before, after):
        before, after = before or {}, after or {}
        if after.get("required") and not before.get("required"):
            self.fault(where, "a body is required now")
        self.content(where, self.old.follow(before), self.new.follow(after), sent=True)

    def content(self, where, before, after, sent):
        for kind, media in before.get("content", {}).items():
            other = after.get("content", {}).get(kind)
            if other is None:
                self.fault(where, f"{kind} is removed")
            else:
                self.schema(where, media.get("schema", {}), other.get("schema", {}), sent)

    def schema(self, where, before, after, sent):
        before, after = self.old.follow(before), self.new.follow(after)
        key = (id(before), id(after), sent)
        if key in self.compared:
            return
        self.compared.add(key)
        if isinstance(before, bool) or isinstance(after, bool):
            if before is not after and (after is False if sent else after is True):
                self.fault(where, "allows something else now")
            return
        for allowed, what in ((types, "type"), (values, "value")):
            pair = (allowed(before), allowed(after))
            lost = escapes(*pair) if sent else escapes(*reversed(pair))
            if lost:
                self.fault(where, f"the {what} {', '.join(sorted(lost))} is {'not taken any more' if sent else 'new'}")
        if sent:
            self.bounds(where, before, after)
        self.members(where, before, after, sent)
        for name in ("items", "additionalProperties"):
            self.schema(f"{where}.{name}", before.get(name, True), after.get(name, True), sent)
        self.alternatives(where, before, after, sent)

    def bounds(self, where, before, after):
        for names, narrower in ((UPPER, lambda old, new: new < old), (LOWER, lambda old, new: new > old)):
            for name in names:
                if name in after and (name not in before or narrower(before[name], after[name])):
                    self.fault(where, f"{name} is {after[name]} now")
        if after.get("pattern", before.get("pattern")) != before.get("pattern"):
            self.fault(where, "there is another pattern")

    def members(self, where, before, after, sent):
        old, new = before.get("properties", {}), after.get("properties", {})
        for name, schema in old.items():
            if name not in new:
                self.fault(where, f"the property {name} is removed")
            else:
                self.schema(f"{where}.{name}", schema, new[name], sent)
        if before.get(FROZEN) and new.keys() - old.keys():
            self.fault(where, f"has {', '.join(sorted(new.keys() - old.keys()))}, but must never grow")
        required = [set(schema.get("required", [])) for schema in (before, after)]
        for name in sorted(required[1] - required[0] if sent else required[0] - required[1]):
            self.fault(where, f"the property {name} is {'required now' if sent else 'not always there any more'}")

    def alternatives(self, where, before, after, sent):
        for keyword in ("anyOf", "oneOf"):
            old, new = before.get(keyword), after.get(keyword)
            if old is None and new is None:
                continue

            # An alternative is the same if it has the same name, or the same type.
            def named(alternatives):
                return {str(it.get("$ref") or it.get("type")): it for it in alternatives or []}

            old, new = named(old), named(new)
            for name in sorted(old.keys() - new.keys() if sent else new.keys() - old.keys()):
                self.fault(where, f"the alternative {name} is {'not taken any more' if sent else 'new'}")
            for name in old.keys() & new.keys():
                self.schema(f"{where}.{name.rsplit('/', 1)[-1]}", old[name], new[name], sent)


def main(files):
    pairs = [tuple(files)] if files else [(RELEASED / new.name, new) for new in DOCUMENTS.values()]
    faults = []
    for old, new in pairs:
        faults += Comparison(Document.read(old), Document.read(new)).run()
    for fault in faults:
        print(f"openapi: this breaks clients: {fault}", file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
