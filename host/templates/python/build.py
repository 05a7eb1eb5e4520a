"""Builds the component __NAME__.wasm."""

import os
import sys
from pathlib import Path

os.chdir(Path(__file__).parent)
sys.path.insert(0, "build")
sys.dont_write_bytecode = True

from steps import build  # noqa: E402

sys.exit(build("__NAME__.wasm"))
