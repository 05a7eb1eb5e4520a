"""Takes webhooks, and prints those that are genuine: python receive.py SECRET [PORT]"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

MAX_BYTES = 64 * 1024


class Receiver(BaseHTTPRequestHandler):
    webhook: Webhook

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        if length > MAX_BYTES:
            return self.answer(413)
        # The bytes as they came: what is parsed and written again has another signature.
        body = self.rfile.read(length)
        try:
            message = self.webhook.verify(body, dict(self.headers))
        except WebhookVerificationError as error:
            return self.answer(401, str(error))
        print(json.dumps({"id": self.headers["webhook-id"], **message}), flush=True)
        self.answer(204)

    def answer(self, status, text=""):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


if not (2 <= len(sys.argv) <= 3 and sys.argv[1].startswith("whsec_") and (sys.argv[2:] or ["0"])[0].isdecimal()):
    sys.exit(
        "usage: python receive.py SECRET [PORT]\n"
        "SECRET begins with whsec_; the server shows it once, when the webhook is added."
    )
Receiver.webhook = Webhook(sys.argv[1])
server = HTTPServer(("127.0.0.1", int((sys.argv[2:] or ["0"])[0])), Receiver)
print(f"http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
