"""Builds the component points-tier.wasm, with tools that it installs in .venv."""

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
contract = ["-d", "wit", "-w", "validator"]
command = [tools / "componentize-py", *contract, "componentize", "validator", "-o", "points-tier.wasm"]
sys.exit(subprocess.run(command).returncode)
