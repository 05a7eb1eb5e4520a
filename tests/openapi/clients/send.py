"""Sends one job by the client that was made from the description, and reads its rows: send.py URL CLIENT_ID:SECRET."""

import base64
import sys
import time

from made import AuthenticatedClient
from made.api.contacts import list_contacts
from made.api.jobs import create_contacts, read_job
from made.models import FullJob, Item, JobReference, JobWithRows, Problem
from made.models.read_job_details import ReadJobDetails

DEADLINE_SECONDS = 60
url, user = sys.argv[1:]
client = AuthenticatedClient(url, base64.b64encode(user.encode()).decode(), prefix="Basic", raise_on_unexpected_status=True)

items = [Item.from_dict({"email": f"python-{number}@example.com", "firstname": "Ada"}) for number in range(3)]
accepted = create_contacts.sync(client=client, body=[*items, Item.from_dict({"email": "nonsense"})], idempotency_key="python")
assert isinstance(accepted, JobReference), accepted

deadline = time.monotonic() + DEADLINE_SECONDS
while True:
    job = read_job.sync(accepted.id, client=client, details=ReadJobDetails.FULL)
    assert isinstance(job, FullJob) and time.monotonic() < deadline, job
    if job.status == "completed":
        break
    time.sleep(0.05)
assert (job.total, job.created, job.failed) == (4, 3, 1), job
assert [row.index for row in job.details.contacts] == [0, 1, 2, 3], job

rows = read_job.sync(accepted.id, client=client, details=ReadJobDetails.VALUE_1)
assert isinstance(rows, JobWithRows), rows
assert [row.status_code for row in rows.details.contacts] == [201, 201, 201, 400], rows
assert rows.details.contacts[3].errors.message == "email: A valid email is required.", rows

found = list_contacts.sync(client=client, search="email:python-1@example.com")
assert found.total == "1", found
refused = list_contacts.sync(client=client, search="segment:vip")
assert isinstance(refused, Problem) and refused.errors[0].code == 400, refused
print(f"openapi: the Python client sent a job of {job.total} contacts and read its rows")
