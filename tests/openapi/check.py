"""Checks recorded exchanges against the descriptions: each must be one that a description has.

The last lines say which described answers no exchange had. unseen.txt must list them, each with a reason.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import jsonschema_rs
from document import DOCUMENTS, Document

UNSEEN = Path(__file__).with_name("unseen.txt")
# Answers that no single operation has: they are about the path, or come before it is looked at.
UNKNOWN_PATH = {400, 401, 403, 404, 408, 413, 415, 429, 431, 500, 503}
FAULTS_SHOWN = 20


class Checker:
    """Checks exchanges against one description."""

    def __init__(self, name, document):
        self.name = name
        self.document = document
        self.operations = {}
        self.templates = []
        for path, method, operation in document.operations():
            self.operations[path, method] = operation
        for path in document.tree["paths"]:
            # A word stands before a parameter in each place: /api/contacts/new is no contact.
            order = [part.startswith("{") for part in path.split("/")]
            pattern = re.sub(r"\\{[^/]*?\\}", "[^/]+", re.escape(path))
            self.templates.append((order, re.compile(f"^{pattern}$"), path))
        self.templates.sort(key=lambda template: template[0])
        self.validators = {}
        self.seen = Counter()

    def find(self, path):
        # Each part of a path may be in percent-encoding. One with a slash in it is no part.
        parts = [unquote(part) for part in path.split("/")]
        if any("/" in part for part in parts):
            return None
        path = "/".join(parts)
        return next((template for _, pattern, template in self.templates if pattern.match(path)), None)

    def validate(self, key, schema, value):
        """Returns what is wrong with a value, if anything is."""
        if key not in self.validators:
            whole = self.document.schema(schema)
            self.validators[key] = jsonschema_rs.validator_for(whole, validate_formats=True)
        error = next(iter(self.validators[key].iter_errors(value)), None)
        if error is not None:
            place = "/".join(str(part) for part in error.instance_path)
            return f"{place or 'the body'}: {error.message[:300]}"
        return None

    def problem(self, exchange):
        schemas = {"application/json": "Problem", "application/problem+json": "ProblemDetails"}
        content = {kind: {"schema": {"$ref": f"#/components/schemas/{name}"}} for kind, name in schemas.items()}
        return self.body(("problem",), content, exchange)

    def check(self, exchange):
        """Returns what is wrong with an exchange, if anything is."""
        method, status = exchange["method"], exchange["status"]
        if method == "POST" and exchange["meant"]:
            method = exchange["meant"].strip().upper()
        path = exchange["path"].partition("?")[0]
        template = self.find(path)
        if method == "OPTIONS" and status == 204:
            return None if "allow" in exchange["headers"] else "204 without Allow"
        if status == 301 and method in ("GET", "HEAD") and path.endswith("/"):
            return None if "location" in exchange["headers"] else "301 without Location"
        method = "GET" if method == "HEAD" else method
        if template is None:
            return self.problem(exchange) if status in UNKNOWN_PATH else f"no path, but {status}"
        operation = self.operations.get((template, method))
        if operation is None:
            if status == 405:
                return self.problem(exchange) if "allow" in exchange["headers"] else "405 without Allow"
            return self.problem(exchange) if status in UNKNOWN_PATH else f"no {method} there, but {status}"
        return self.answer(operation, exchange)

    def answer(self, operation, exchange):
        status = str(exchange["status"])
        response = self.document.responses(operation).get(status)
        if response is None:
            return f"{operation['operationId']} has no answer {status}"
        self.seen[operation["operationId"], status] += 1
        key = (operation["operationId"], status)
        for name, header in response.get("headers", {}).items():
            header = self.document.follow(header)
            value = exchange["headers"].get(name.lower())
            if value is None:
                if header.get("required"):
                    return f"there is no header {name}"
                continue
            schema = self.document.follow(header["schema"])
            value = int(value) if schema.get("type") == "integer" and value.isdigit() else value
            fault = self.validate((*key, name), schema, value)
            if fault:
                return f"header {name}: {fault}"
        return self.body(key, response.get("content"), exchange)

    def body(self, key, content, exchange):
        body = exchange["body"]
        if content is None or exchange["method"] == "HEAD":
            return f"a body: {body[:100]}" if body else None
        kind = exchange["headers"].get("content-type", "none").partition(";")[0]
        if kind not in content:
            return f"the type {kind} is none of {', '.join(content)}"
        if body is None or not kind.endswith("json") or kind.endswith("ndjson"):
            return None
        try:
            value = json.loads(body)
        except ValueError as error:
            return f"no JSON: {error}"
        return self.validate((*key, kind), content[kind]["schema"], value)


def fault(checkers, exchange):
    """Returns what is wrong with an exchange: nothing if it is right by one of the descriptions that it may be of."""
    client, admin = checkers
    # Every answer of the API for clients has this header.
    is_clients = "mautic-version" in exchange["headers"]
    faults = [checker.check(exchange) for checker in ([client] if is_clients else [admin, client])]
    if exchange["status"] == 404 and not is_clients:
        # A listener that answers health checks alone has no description.
        faults.append(client.problem(exchange))
    return None if None in faults else f"{exchange['method']} {exchange['path'][:200]} {exchange['status']}: {' / '.join(faults)}"


def allowances():
    """Returns the answers that need not be seen, from unseen.txt: operation and status."""
    listed = set()
    for line in UNSEEN.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            names, status, reason = line.split(maxsplit=2)
            assert reason, line
            listed |= {(name, status) for name in names.split(",")}
    return listed


def unseen(checkers):
    """Returns the answers that are neither seen nor allowed to be unseen, and those that are allowed and do not exist."""
    listed, missing, described = allowances(), [], set()
    for checker in checkers:
        anywhere = {status for _, status in checker.seen}
        for _, _, operation in checker.document.operations():
            for status in operation["responses"]:
                answer = (operation["operationId"], status)
                described |= {answer, ("*", status)}
                general = ("*", status) in listed and (status in anywhere or (checker.name, status) in listed)
                if not checker.seen[answer] and not general and answer not in listed:
                    missing.append(f"{checker.name}: {answer[0]} {status}")
        described |= {(checker.name, status) for _, status in described}
    return missing, sorted(listed - described)


def main(file):
    checkers = [Checker(source.stem, Document.read(served)) for source, served in DOCUMENTS.items()]
    exchanges, faults = 0, Counter()
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            exchanges += 1
            found = fault(checkers, json.loads(line))
            if found:
                faults[found] += 1
    for found, times in faults.most_common(FAULTS_SHOWN):
        print(f"openapi: {found}" + (f" ({times} times)" if times > 1 else ""), file=sys.stderr)
    missing, stale = unseen(checkers)
    for answer in missing:
        print(f"openapi: no test produced {answer}; produce it, or list it in {UNSEEN.name}", file=sys.stderr)
    for answer in stale:
        print(f"openapi: {UNSEEN.name} lists {' '.join(answer)}, which no description has", file=sys.stderr)
    described = sum(len(operation["responses"]) for it in checkers for _, _, operation in it.document.operations())
    seen = sum(len(checker.seen) for checker in checkers)
    print(f"openapi: {exchanges} exchanges, {sum(faults.values())} faults; {seen} of {described} described answers were seen")
    return not exchanges or bool(faults) or bool(missing) or bool(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
