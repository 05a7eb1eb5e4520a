"""Tries the descriptions on a server: the examples in them, random requests, and clients that are made from them.

trial.py [PART...]: examples, random, python or typescript; without a part, all of them.
"""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import examples
from document import DOCUMENTS
from server import ADMIN_TOKEN, Server, basic

HERE = Path(__file__).parent
TARGET = Path(os.environ["CARGO_TARGET_DIR"])
PROGRAMS = Path(sys.executable).parent
# Where scripts/examples-js-python puts Node if the machine has none that is new enough.
NODE = TARGET / "examples/node/bin"
# What random requests must not find: what the descriptions do not say, and faults of the server.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"
)
SEED = "1"
# Random requests for each operation, in each of two phases.
MAX_EXAMPLES = "25"


def with_programs():
    """Returns the environment in which the packages' programs are found, and Node."""
    return {**os.environ, "PATH": f"{NODE}:{PROGRAMS}:{os.environ['PATH']}"}


def run(*command, **options):
    """Runs a command, whose output is shown only if it fails."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise SystemExit(f"openapi: {command[0]} failed\n{done.stdout[-6000:]}")
    return done.stdout


def served(server, folder):
    """Returns the files of the descriptions that the server serves, each with its listener's URL."""
    files = {}
    for (source, _), url in zip(DOCUMENTS.items(), (server.url, server.admin_url), strict=True):
        with urllib.request.urlopen(f"{url}/openapi.json", timeout=60) as answer:
            file = folder / f"{source.stem}.json"
            file.write_bytes(answer.read())
            files[file] = url
    return files


def try_examples(server, _):
    count, faults = examples.check(server)
    if faults:
        raise SystemExit("\n".join(f"openapi: {fault}" for fault in faults))
    print(f"openapi: {count} examples are answered as they say")


def try_random(server, files):
    for file, url in files.items():
        authorization = f"Bearer {ADMIN_TOKEN}" if url == server.admin_url else basic(server.user)
        report = file.with_suffix(".ndjson")
        said = run(
            PROGRAMS / "schemathesis", "run", file, "--url", url, "--header", f"Authorization: {authorization}",
            "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", MAX_EXAMPLES,
            "--seed", SEED, "--workers", "1", "--no-color", "--warnings", "off", "--request-timeout", "60",
            "--report", "ndjson", "--report-ndjson-path", report,
            cwd=file.parent,
        )  # fmt: skip
        cases = next((line.strip() for line in said.splitlines() if "generated" in line), "no number of requests")
        # Where all is refused, nothing was tried.
        statuses = re.findall(r'"status_code": ?(\d)', report.read_text())
        if statuses.count("2") * 20 < len(statuses):
            raise SystemExit(f"openapi: {statuses.count('2')} of {len(statuses)} random requests were not refused")
        print(f"openapi: {file.stem}: random requests, {cases}, {statuses.count('2')} of them not refused")


def try_python(server, files):
    file, url = next(iter(files.items()))
    folder = file.parent / "python"
    said = run(
        PROGRAMS / "openapi-python-client", "generate", "--path", file, "--output-path", folder / "made", "--meta", "none",
        env=with_programs(),
    )  # fmt: skip
    # It leaves out types of bodies that it does not know, but no call and no schema may be missing.
    if "will not be generated" in said or "Unable to process" in said:
        raise SystemExit(f"openapi: openapi-python-client left out something\n{said[-6000:]}")
    print(run(sys.executable, HERE / "clients/send.py", url, server.user, env={**os.environ, "PYTHONPATH": str(folder)}).strip())


def try_typescript(server, files):
    file, url = next(iter(files.items()))
    source, folder = HERE / "clients/typescript", TARGET / "openapi/typescript"
    if not shutil.which("npm", path=with_programs()["PATH"]):
        raise SystemExit("openapi: there is no 'npm'. Run scripts/examples-js-python, which gets Node, then try again.")
    folder.mkdir(parents=True, exist_ok=True)
    lock, installed = (source / "package-lock.json").read_bytes(), folder / "installed"
    if not installed.exists() or installed.read_bytes() != lock:
        print("openapi: installing the generator of TypeScript clients", file=sys.stderr)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, folder)
        run("npm", "ci", "--silent", "--no-audit", "--no-fund", cwd=folder, env=with_programs())
        installed.write_bytes(lock)
    for name in ("send.ts", "tsconfig.json"):
        shutil.copy(source / name, folder)
    for file in files:
        run("node_modules/.bin/openapi-typescript", file, "--output", f"{file.stem}.ts", cwd=folder, env=with_programs())
    run("node_modules/.bin/tsc", cwd=folder, env=with_programs())
    print(run("node", "made/send.js", url, server.user, cwd=folder, env=with_programs()).strip())


PARTS = {"examples": try_examples, "random": try_random, "python": try_python, "typescript": try_typescript}


def main(parts):
    unknown = set(parts) - PARTS.keys()
    if unknown:
        raise SystemExit(f"openapi: there is no part {', '.join(unknown)}; use {', '.join(PARTS)}")
    with Server() as server:
        folder = Path(server.folder.name, "descriptions")
        folder.mkdir()
        files = served(server, folder)
        for part in parts or PARTS:
            PARTS[part](server, files)


if __name__ == "__main__":
    main(sys.argv[1:])
