"""The examples in the descriptions: each is sent to a server, in their order, and answered as the example says."""

import json
import re
import time
from urllib.parse import urlencode

import yaml
from check import Checker, fault
from document import DOCUMENTS, Document
from write import EXAMPLES

DEADLINE_SECONDS = 60
# What differs from run to run.
PATTERNS = [
    (re.compile(r"after=\d+-"), "after=<time>-"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z|\+00:00)?"), "<time>"),
    (re.compile(r"sha256:[0-9a-f]{64}"), "<digest>"),
    (re.compile(r"^[0-9a-f]{8}$"), "<secret>"),
]
# The default component is another after each change of its rules.
VARYING = {"access_token", "refresh_token", "client_id", "client_secret", "storedBytes", "size"}


def alike(value):
    """Returns a value without what differs from run to run."""
    if isinstance(value, dict):
        return {name: "<masked>" if name in VARYING else alike(it) for name, it in value.items()}
    if isinstance(value, list):
        return [alike(it) for it in value]
    if isinstance(value, str):
        for pattern, word in PATTERNS:
            value = pattern.sub(word, value)
    return value


def methods():
    """Returns the method of each operation, by its description and its id."""
    found = {}
    for source, served in DOCUMENTS.items():
        for _, method, operation in Document.read(served).operations():
            found[source.stem.endswith("-admin"), operation["operationId"]] = method
    return found


def answers(server):
    """Sends all examples. Yields each with the exchange, and with what the server answers."""
    operations, job = methods(), None
    for example in yaml.safe_load(EXAMPLES.read_text()):
        path = example["path"].replace("{job}", job or "")
        method = operations[path.startswith("/admin/"), example["operation"]]
        body, kind = example.get("body"), example.get("type", "application/json")
        if kind == "application/x-www-form-urlencoded":
            body = urlencode(body).encode()
        elif isinstance(body, str):
            body = body.encode()
        accept = example.get("accept", "application/json")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            status, headers, text = server.send(method, path, body, kind, accept)
            is_json = headers["Content-Type"] == "application/json"
            answer = json.loads(text) if is_json else text.decode()
            if "until" not in example or answer.get("status") == example["until"] or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        if status == 202:
            job = answer["id"]
        headers = {name.lower(): value for name, value in headers.items()}
        exchange = {"method": method, "path": path, "meant": None, "status": status, "headers": headers, "body": text.decode()}
        yield example, exchange, answer


def check(server):
    """Returns how many examples there are, and what is wrong with them."""
    count, faults = 0, []
    checkers = [Checker(source.stem, Document.read(served)) for source, served in DOCUMENTS.items()]
    for example, exchange, answer in answers(server):
        count += 1
        is_right = exchange["status"] == example["status"]
        if not is_right or alike(answer) != alike(example.get("answer", answer)):
            told = f"{exchange['status']} {json.dumps(answer)[:2000]}"
            faults.append(f"{example['operation']}, {example['name']}: {told}; if that is right: scripts/openapi record")
        wrong = fault(checkers, exchange)
        if wrong:
            faults.append(wrong)
    return count, faults
