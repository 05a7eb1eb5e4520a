"""Writes what the server serves from the documents that are edited and from the examples."""

import json
import sys

import yaml
from document import DOCUMENTS, METHODS, ROOT

EXAMPLES = ROOT / "docs/openapi-examples.yaml"


class Loader(yaml.SafeLoader):
    """Reads YAML, and refuses a name that an object has twice."""

    def construct_mapping(self, node, deep=False):
        names = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for name in names:
            if not isinstance(name, str) or names.count(name) > 1:
                raise SystemExit(f"{node.start_mark}: '{name}' is there twice, or is no text")
        return super().construct_mapping(node, deep)


def whole(text):
    """Returns the document in a YAML text, as JSON's types."""
    tree = yaml.load(text, Loader)
    tree.pop("x-anchors", None)
    # Through JSON, so that what several places share is written out in each.
    tree = json.loads(json.dumps(tree))
    for item in tree["paths"].values():
        for operation in (item[method] for method in METHODS if method in item):
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return tree


def add_examples(tree, examples):
    """Puts examples into the operations that they are of."""
    operations = {
        item[method]["operationId"]: item[method] for item in tree["paths"].values() for method in METHODS if method in item
    }
    for example in examples:
        operation = operations[example["operation"]]
        title = {"summary": example["summary"]}
        if "body" in example:
            content = operation["requestBody"]["content"][example.get("type", "application/json")]
            content.setdefault("examples", {})[example["name"]] = {**title, "value": example["body"]}
        response = operation["responses"][str(example["status"])]
        if "answer" in example:
            if "$ref" in response:
                # A response that several operations share has no example of one of them.
                shared = tree["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
                response = operation["responses"][str(example["status"])] = json.loads(json.dumps(shared))
            content = response["content"][example.get("accept", "application/json")]
            content.setdefault("examples", {})[example["name"]] = {**title, "value": example["answer"]}


def rendered():
    """Returns the texts that belong into the files that are served."""
    examples = yaml.load(EXAMPLES.read_text(), Loader) if EXAMPLES.exists() else []
    texts = {}
    for source, served in DOCUMENTS.items():
        tree = whole(source.read_text())
        is_admin = source.stem.endswith("-admin")
        add_examples(tree, [example for example in examples if example["path"].startswith("/admin/") == is_admin])
        texts[served] = json.dumps(tree, ensure_ascii=False, indent=1) + "\n"
    return texts


if __name__ == "__main__":
    for served, text in rendered().items():
        served.write_text(text)
        print(f"openapi: wrote {served.relative_to(ROOT)}", file=sys.stderr)
