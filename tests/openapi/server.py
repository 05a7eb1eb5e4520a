"""A server on an embedded store with one tenant, and what sends requests to it."""

import base64
import json
import os
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

ADMIN_TOKEN = "an-operators-token-for-trials-only"
TIMEOUT_SECONDS = 60
PROFILE = {
    "fields": [
        {"alias": "plan", "label": "Plan", "type": "select", "choices": [{"label": "Free", "value": "free"}]},
        {"alias": "score", "type": "number", "scale": 1},
    ],
    "owners": [{"id": 1, "username": "ada", "firstName": "Ada", "lastName": "Lovelace"}],
    "stages": [{"id": 1, "name": "Lead"}],
    "companies": [{"id": 1, "name": "Acme"}],
}
# Random requests are many.
LIMITS = {"jobsPerMinute": 1_000_000, "tokensPerMinute": 1_000_000, "queuedJobs": 100_000}


def basic(user):
    return "Basic " + base64.b64encode(user.encode()).decode()


class Server:
    """A server in a folder of its own, which is stopped and removed at the end."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.program = os.environ.get("BULKHEAD_BIN") or f"{os.environ['CARGO_TARGET_DIR']}/release/bulkhead"
        settings = []
        for name, value in (("profile", PROFILE), ("limits", LIMITS)):
            file = Path(self.folder.name, f"{name}.json")
            file.write_text(json.dumps(value))
            settings += [f"--{name}", str(file)]
        data = ["--data", f"{self.folder.name}/data"]
        added = subprocess.run(
            [self.program, "tenant", "add", "acme", "--create", *settings, *data], check=True, stdout=subprocess.PIPE
        )
        self.tenant = json.loads(added.stdout)
        self.user = f"{self.tenant['client_id']}:{self.tenant['client_secret']}"
        self.log = Path(self.folder.name, "log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", *data],
                env={**os.environ, "BULKHEAD_ADMIN_TOKEN": ADMIN_TOKEN},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        lines = [self.process.stdout.readline() for _ in range(2)]
        try:
            self.url, self.admin_url = (next(word for word in line.split() if "://" in word) for line in lines)
        except StopIteration:
            self.__exit__()
            raise SystemExit(f"openapi: the server did not start: {lines}") from None
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(TIMEOUT_SECONDS)
        self.folder.cleanup()

    def send(self, method, path, body=None, kind="application/json", accept="application/json"):
        """Sends a request to the listener that its path is for. Returns the status, the headers and the body."""
        is_admin = path.startswith("/admin/")
        request = urllib.request.Request((self.admin_url if is_admin else self.url) + path, method=method)
        request.add_header("Authorization", f"Bearer {ADMIN_TOKEN}" if is_admin else basic(self.user))
        request.add_header("Accept", accept)
        if body is not None:
            request.data = body if isinstance(body, bytes) else json.dumps(body).encode()
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()
