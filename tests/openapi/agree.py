"""Fails if what the server serves is not what would be written from the documents that are edited."""

import sys

from document import ROOT
from write import rendered

stale = [served for served, text in rendered().items() if not served.exists() or served.read_text() != text]
for served in stale:
    print(f"openapi: {served.relative_to(ROOT)} is stale: run scripts/openapi and commit it", file=sys.stderr)
sys.exit(bool(stale))
