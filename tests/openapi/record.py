"""Writes into docs/openapi-examples.yaml what a server answers to the examples now. Read the difference before you commit."""

import yaml
from examples import alike, answers
from server import Server
from write import EXAMPLES

HEAD = """\
# The examples in the descriptions of the APIs, in the order in which they are sent to a server with one tenant. Edit the
# requests by hand; `scripts/openapi record` writes the answers, and `make test` compares them.
# `path` is the request's; {job} is the job of the last 202. `until` is the state for which it is sent again. With
# `told: false`, only the request is an example.
"""

# As long as a secret, and none.
NO_SECRET = "an-example-of-a-secret-which-opens-nothing-"


def without_secrets(value):
    """Returns an answer in which nothing is secret."""
    if isinstance(value, dict):
        names = ("access_token", "refresh_token", "client_secret")
        return {name: NO_SECRET if name in names else without_secrets(it) for name, it in value.items()}
    return [without_secrets(it) for it in value] if isinstance(value, list) else value


def recorded(example, status, answer):
    """Returns an example with the answer, which stays as it was if it differs only in what differs from run to run."""
    answer = without_secrets(answer)
    known = example.pop("answer", None)
    if not example.get("told", True):
        return {**example, "status": status}
    return {**example, "status": status, "answer": known if alike(known) == alike(answer) else answer}


with Server() as server:
    examples = [recorded(example, exchange["status"], answer) for example, exchange, answer in answers(server)]
text = yaml.safe_dump(examples, sort_keys=False, allow_unicode=True, width=130)
EXAMPLES.write_text(HEAD + text)
