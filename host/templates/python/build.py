"""Builds the component __NAME__.wasm, with tools installed in .venv."""

import os
import subprocess
import sys
import venv
from pathlib import Path

os.chdir(Path(__file__).parent)
tools = Path(".venv") / ("Scripts" if os.name == "nt" else "bin")
installed = Path(".venv") / "installed.txt"
wanted = Path("requirements.txt").read_text()
if not installed.exists() or installed.read_text() != wanted:
    venv.create(".venv", with_pip=True, clear=True)
    subprocess.run([tools / "pip", "install", "--quiet", "--require-hashes", "-r", "requirements.txt"], check=True)
    installed.write_text(wanted)
command = [tools / "componentize-py", "-d", "wit", "-w", "validator", "componentize", "validator", "-o", "__NAME__.wasm"]
# Keeps the tool's own stack trace out of the output after an error in your code.
sys.exit(subprocess.run(command, env={**os.environ, "RUST_BACKTRACE": "0"}).returncode)
