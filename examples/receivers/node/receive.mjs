// Takes webhooks, and prints those that are genuine: node receive.mjs SECRET [PORT]
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const MAX_BYTES = 64 * 1024;
const [secret = "", port = "0", ...others] = process.argv.slice(2);
if (!secret.startsWith("whsec_") || !/^\d+$/.test(port) || others.length > 0) {
  console.error("usage: node receive.mjs SECRET [PORT]");
  console.error("SECRET begins with whsec_; the server shows it once, when the webhook is added.");
  process.exit(1);
}
const webhook = new Webhook(secret);

const server = createServer(async (request, response) => {
  const pieces = [];
  let bytes = 0;
  for await (const piece of request) {
    bytes += piece.length;
    if (bytes > MAX_BYTES) return response.writeHead(413, { connection: "close" }).end();
    pieces.push(piece);
  }
  try {
    // The bytes as they came: what is parsed and written again has another signature.
    const message = webhook.verify(Buffer.concat(pieces), request.headers);
    console.log(JSON.stringify({ id: request.headers["webhook-id"], ...message }));
    response.writeHead(204).end();
  } catch (error) {
    response.writeHead(401).end(String(error.message));
  }
});
server.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
