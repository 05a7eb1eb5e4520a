// Sends one job with the types that were made from the description, and reads its rows: send.js URL CLIENT_ID:SECRET.
import type { operations } from "./openapi.js";

declare const process: { argv: string[] };

type Status = number | string;
type Answers<Id extends keyof operations> = operations[Id]["responses"];
type Json<Answer> = Answer extends { content: { "application/json": infer Body } } ? Body : never;
type Answer<Id extends keyof operations, Code extends keyof Answers<Id>> = Json<Answers<Id>[Code]>;

const [url = "", user = ""] = process.argv.slice(2);
const headers = { Authorization: `Basic ${btoa(user)}`, "Content-Type": "application/json" };
const DEADLINE_MILLIS = 60_000;

async function call<Id extends keyof operations, Code extends keyof Answers<Id> & Status>(
  status: Code,
  method: string,
  path: string,
  body?: operations[Id]["requestBody"] extends { content: { "application/json": infer Sent } } ? Sent : never,
): Promise<Answer<Id, Code>> {
  const answer = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await answer.text();
  expect(answer.status === status, `${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as Answer<Id, Code>;
}

function expect(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const items = [0, 1, 2].map((number) => ({ email: `typescript-${number}@example.com` }));
const accepted = await call<"createContacts", 202>(202, "POST", "/api/contacts/bulk/new", [...items, { email: "nonsense" }]);
expect("id" in accepted, JSON.stringify(accepted));

const deadline = Date.now() + DEADLINE_MILLIS;
let job: Answer<"readJob", 200>;
do {
  expect(Date.now() < deadline, "the job is not completed");
  job = await call<"readJob", 200>(200, "GET", `/api/contacts/job/${accepted.id}?details=full`);
} while (job.status !== "completed");
expect("total" in job && job.total === 4 && job.created === 3 && job.failed === 1, JSON.stringify(job));

const rows = await call<"readJob", 200>(200, "GET", `/api/contacts/job/${accepted.id}?details=1`);
expect("details" in rows && rows.details !== undefined, JSON.stringify(rows));
const codes = rows.details.contacts.map((row) => row.statusCode);
expect(codes.join() === "201,201,201,400", codes.join());
const failed = rows.details.contacts[3]?.errors;
expect(failed?.message === "email: A valid email is required.", JSON.stringify(failed));

const refused = await call<"listContacts", 400>(400, "GET", "/api/contacts?search=segment:vip");
expect(refused.errors[0]?.code === 400, JSON.stringify(refused));
console.log(`openapi: the TypeScript client sent a job of ${codes.length} contacts and read its rows`);
