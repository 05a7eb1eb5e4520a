"""What breaks clients is refused, and nothing else is."""

import copy
import unittest

from compare import FROZEN, Comparison
from document import Document

OLD = {
    "paths": {
        "/jobs/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "post": {
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 9}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Sent"}}}},
                "responses": {
                    "200": {
                        "headers": {"Location": {"required": True, "schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}},
                    },
                    "404": {"content": {"application/json": {"schema": {"type": "object"}}}},
                },
            },
        },
    },
    "components": {
        "schemas": {
            "Sent": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": ["string", "null"], "maxLength": 5},
                    "kind": {"enum": ["a", "b"]},
                    "value": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                    "more": {"type": "array", "items": {"$ref": "#/components/schemas/Sent"}},
                },
            },
            "Answer": {
                "type": "object",
                "required": ["state"],
                "additionalProperties": False,
                "properties": {
                    "state": {"enum": ["open", "closed"]},
                    "row": {"type": "object", FROZEN: True, "properties": {"id": {"type": "integer"}}},
                    "value": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
            },
        }
    },
}
POST = "paths./jobs/{id}.post"
SENT = "components.schemas.Sent"
ANSWER = "components.schemas.Answer"
GONE = object()

BREAKS = {
    "a path": ("paths./jobs/{id}", GONE),
    "a method": (POST, GONE),
    "a status": (f"{POST}.responses.404", GONE),
    "a parameter": (f"{POST}.parameters", []),
    "a required parameter": ("paths./jobs/{id}.parameters.1", {"name": "x", "in": "query", "required": True, "schema": {}}),
    "a narrower parameter": (f"{POST}.parameters.0.schema.maximum", 8),
    "a required body": (f"{POST}.requestBody.required", True),
    "a type of bodies": (f"{POST}.requestBody.content", {"text/csv": {"schema": {}}}),
    "a header": (f"{POST}.responses.200.headers", {}),
    "a type that is sent": (f"{SENT}.properties.name.type", "string"),
    "a bound of what is sent": (f"{SENT}.properties.name.minLength", 1),
    "a pattern of what is sent": (f"{SENT}.properties.name.pattern", "^x"),
    "a property that is sent": (f"{SENT}.properties.kind", GONE),
    "a required property": (f"{SENT}.required", ["name", "kind"]),
    "a value that is sent": (f"{SENT}.properties.kind.enum", ["a"]),
    "values one by one": (f"{SENT}.properties.name.enum", ["x"]),
    "an alternative that is sent": (f"{SENT}.properties.value.anyOf", [{"type": "string"}]),
    "a closed object that is sent": (f"{SENT}.additionalProperties", False),
    "a property of an answer": (f"{ANSWER}.properties.value", GONE),
    "a property that may be missing": (f"{ANSWER}.required", []),
    "a new value in an answer": (f"{ANSWER}.properties.state.enum", ["open", "closed", "lost"]),
    "any value in an answer": (f"{ANSWER}.properties.state", {"type": "string"}),
    "a new type in an answer": (f"{ANSWER}.type", ["object", "null"]),
    "a new alternative in an answer": (f"{ANSWER}.properties.value.anyOf.2", {"type": "integer"}),
    "an open answer": (f"{ANSWER}.additionalProperties", True),
    "a shape that never grows": (f"{ANSWER}.properties.row.properties.name", {"type": "string"}),
}
KEEPS = {
    "nothing": ("info", {}),
    "a new path": ("paths./new", {"get": {"responses": {}}}),
    "a new method": ("paths./jobs/{id}.get", {"responses": {}}),
    "a new status": (f"{POST}.responses.409", {"description": "x"}),
    "a new parameter": (f"{POST}.parameters.1", {"name": "x", "in": "query", "schema": {}}),
    "a wider parameter": (f"{POST}.parameters.0.schema", {"type": "integer", "maximum": 10}),
    "another type of bodies": (f"{POST}.requestBody.content.text/csv", {"schema": {}}),
    "a new header": (f"{POST}.responses.200.headers.ETag", {"schema": {}}),
    "any number": (f"{POST}.parameters.0.schema.type", "number"),
    "a new property that is sent": (f"{SENT}.properties.new", {"type": "string"}),
    "a property that may be left out": (f"{SENT}.required", []),
    "a new value that is sent": (f"{SENT}.properties.kind.enum", ["a", "b", "c"]),
    "a new alternative that is sent": (f"{SENT}.properties.value.anyOf.2", {"type": "null"}),
    "a new property of an answer": (f"{ANSWER}.properties.new", {"type": "string"}),
    "a property that is always there": (f"{ANSWER}.required", ["state", "value"]),
    "fewer values in an answer": (f"{ANSWER}.properties.state.enum", ["open"]),
    "words": (f"{ANSWER}.description", "An answer."),
}


def changed(place, value):
    """Returns the description with another value at a place."""
    tree = copy.deepcopy(OLD)
    part, names = tree, place.split(".")
    for name in names[:-1]:
        part = part[int(name)] if isinstance(part, list) else part[name]
    if isinstance(part, list):
        part[int(names[-1]) : int(names[-1]) + 1] = [value]
    elif value is GONE:
        del part[names[-1]]
    else:
        part[names[-1]] = value
    return tree


class Tables(unittest.TestCase):
    def faults(self, change):
        return Comparison(Document(copy.deepcopy(OLD)), Document(changed(*change))).run()

    def test_what_breaks_clients_is_refused(self):
        for name, change in BREAKS.items():
            with self.subTest(name):
                self.assertTrue(self.faults(change))

    def test_nothing_else_is_refused(self):
        for name, change in KEEPS.items():
            with self.subTest(name):
                self.assertEqual(self.faults(change), [])


if __name__ == "__main__":
    unittest.main()
