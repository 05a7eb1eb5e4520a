"""The documents: how they are read, and what is in them."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What is edited, and what is written from it and served.
DOCUMENTS = {
    ROOT / "docs/openapi.yaml": ROOT / "host/src/http/openapi.json",
    ROOT / "docs/openapi-admin.yaml": ROOT / "host/src/http/openapi-admin.json",
}
METHODS = ("get", "put", "post", "delete", "patch")


class Document:
    """One document, with its references followed on demand."""

    def __init__(self, tree):
        self.tree = tree

    @classmethod
    def read(cls, file):
        return cls(json.loads(Path(file).read_text()))

    def follow(self, part):
        """Returns what a reference refers to, or the part itself if it is none."""
        while isinstance(part, dict) and "$ref" in part:
            target = self.tree
            for name in part["$ref"].removeprefix("#/").split("/"):
                target = target[name.replace("~1", "/").replace("~0", "~")]
            part = target
        return part

    def operations(self):
        """Yields the path, the method and the operation of each operation."""
        for path, item in self.tree["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method.upper(), item[method]

    def parameters(self, path, operation):
        """Returns an operation's parameters, those of its path included."""
        listed = self.tree["paths"][path].get("parameters", []) + operation.get("parameters", [])
        return [self.follow(parameter) for parameter in listed]

    def responses(self, operation):
        """Returns an operation's responses by their statuses."""
        return {status: self.follow(response) for status, response in operation["responses"].items()}

    def schema(self, part):
        """Returns a schema that can be used without the rest of the document."""
        return {**part, "components": self.tree["components"]} if isinstance(part, dict) else part
