"""An exchange that no description has is a fault, and so is an answer that is not as described."""

import json
import unittest

from check import Checker, fault
from document import DOCUMENTS, Document

JSON = {"content-type": "application/json"}
CLIENT = {**JSON, "mautic-version": "5.1.0"}
ID = "11111111-2222-4333-8444-555555555555"
JOB = f"/api/contacts/job/{ID}"
TAGGED = {**CLIENT, "etag": f'"{"0123456789abcdef" * 2}"'}
PROBLEM = {"errors": [{"message": "No.", "code": 400, "type": "x"}]}
DETAILS = {"contacts": [{"id": 7, "statusCode": 200}]}
BATCH = {"contacts": [{}], "statusCodes": [201]}

RIGHT = [
    ("POST", "/api/contacts/bulk/new", 202, {**CLIENT, "location": JOB}, {"id": ID}),
    ("GET", JOB, 200, {**TAGGED, "retry-after": "1"}, {"status": "queued"}),
    ("HEAD", JOB, 200, TAGGED, None),
    ("GET", f"{JOB}?details=1", 200, TAGGED, {"status": "completed", "details": DETAILS}),
    ("POST", "/api/contacts/batch/new", 201, CLIENT, BATCH),
    ("POST", "/api/contacts/batch/new", 201, CLIENT, {"contacts": {"a": {}}, "statusCodes": {"a": 201}}),
    ("POST", "/api/contacts/7/dnc/email/add", 200, CLIENT, {"contact": {}}),
    ("POST", "/api/contacts/7/dnc/add/email", 200, CLIENT, {"contact": {}}),
    ("GET", "/api/nothing", 404, CLIENT, PROBLEM),
    ("PUT", JOB, 405, {**CLIENT, "allow": "GET, DELETE"}, PROBLEM),
    ("OPTIONS", JOB, 204, {**CLIENT, "allow": "GET, DELETE, OPTIONS"}, None),
    ("GET", "/api/contacts/", 301, {**CLIENT, "location": "/api/contacts"}, PROBLEM),
    ("GET", "/admin/tenants", 200, JSON, {"tenants": []}),
    ("GET", "/livez", 200, JSON, {"live": True}),
    ("GET", "/admin/tenants", 404, CLIENT, PROBLEM),
    ("GET", "/api/contacts", 404, JSON, PROBLEM),
]
WRONG = [
    ("POST", "/api/contacts/bulk/new", 202, CLIENT, {"id": ID}),
    ("POST", "/api/contacts/bulk/new", 202, {**CLIENT, "location": "/jobs"}, {"id": ID}),
    ("POST", "/api/contacts/bulk/new", 202, {**CLIENT, "location": JOB}, {"id": "7"}),
    ("POST", "/api/contacts/bulk/new", 200, CLIENT, {"id": ID}),
    ("GET", JOB, 200, TAGGED, {"status": "queued", "total": 7}),
    ("GET", JOB, 200, TAGGED, {"status": "failed"}),
    ("GET", JOB, 200, CLIENT, {"status": "queued"}),
    ("GET", JOB, 200, {**CLIENT, "etag": "0123"}, {"status": "queued"}),
    ("GET", JOB, 200, {**TAGGED, "retry-after": "soon"}, {"status": "queued"}),
    ("GET", JOB, 200, {**TAGGED, "content-type": "text/plain"}, {"status": "queued"}),
    ("GET", f"{JOB}?details=1", 200, TAGGED, {"status": "completed", "details": {**DETAILS, "total": 1}}),
    ("GET", f"{JOB}?details=1", 200, TAGGED, {"status": "queued", "details": DETAILS}),
    ("POST", "/api/contacts/batch/new", 201, CLIENT, {**BATCH, "errors": []}),
    ("GET", "/api/nothing", 200, CLIENT, {}),
    ("GET", "/api/nothing", 404, CLIENT, {"error": "no"}),
    ("GET", "/admin/tenants", 200, CLIENT, {"tenants": []}),
    ("PUT", JOB, 405, CLIENT, PROBLEM),
    ("OPTIONS", JOB, 204, CLIENT, None),
    ("GET", JOB, 503, CLIENT, PROBLEM),
    ("GET", JOB, 401, CLIENT, PROBLEM),
    ("GET", "/admin/tenants", 200, JSON, {"tenants": [{"tenant": "acme"}]}),
]


class Exchanges(unittest.TestCase):
    def faults(self, method, path, status, headers, body, meant=None):
        checkers = [Checker(source.stem, Document.read(served)) for source, served in DOCUMENTS.items()]
        text = "" if body is None else json.dumps(body)
        exchange = {"method": method, "path": path, "meant": meant, "status": status, "headers": headers, "body": text}
        return fault(checkers, exchange)

    def test_what_a_description_has_is_right(self):
        for exchange in RIGHT:
            with self.subTest(exchange):
                self.assertIsNone(self.faults(*exchange))

    def test_everything_else_is_a_fault(self):
        for exchange in WRONG:
            with self.subTest(exchange):
                self.assertIsNotNone(self.faults(*exchange))

    def test_a_method_that_replaces_that_of_a_post_counts_in_any_case(self):
        for meant, is_right in [("patch", True), (" PUT", True), ("DELETE", False), (None, False)]:
            with self.subTest(meant):
                found = self.faults("POST", "/api/contacts/7/edit", 200, CLIENT, {"contact": {}}, meant)
                self.assertEqual(found is None, is_right)


if __name__ == "__main__":
    unittest.main()
