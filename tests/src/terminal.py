"""Runs a command on a terminal of its own: what comes in is typed, and what the terminal shows goes out."""

import os
import pty
import sys

sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
