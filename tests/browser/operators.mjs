// Drives Chromium through the operators' pages: node operators.mjs URL TOKEN FOLDER TENANT JOB API SECRET...
//
// Goes an operator's daily path with script and without, by the keyboard alone, in narrow and wide windows, in light and dark. TENANT has
// the job JOB, an endpoint that fails, and the validator `corporate-email` to be given; each SECRET (ID:SECRET) is that of a tenant whose
// processor loops if asked to, so that a job of it at the API lasts until it is cancelled: one for each way.
// Without TENANT, looks at the pages of a server that has nothing yet. Takes pictures of the main pages into FOLDER. Prints one line for
// each page that was looked at.
import { join } from "node:path";
import process from "node:process";
import { faults, finish, look as lookAt, visitor as visitorOf } from "./looking.mjs";

const [url, token, folder, tenant, job, api, ...secrets] = process.argv.slice(2);
const look = (page, name, picture) => lookAt(page, name, picture && join(folder, picture));
const visitor = (settings) => visitorOf(url, settings);
const heading = (page, name) => page.getByRole("heading", { name, level: 1 }).waitFor();

async function logIn(page) {
  await page.goto(url);
  await page.getByText("You run this server?").click();
  await page.getByLabel("Operator's token").fill(token);
  await page.getByRole("button", { name: "Log in as an operator" }).click();
  await heading(page, "Overview");
}

// Follows a link of the navigation.
async function go(page, name) {
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true }).click();
  await heading(page, name);
}

// Begins a job that lasts. Returns its id once a worker has it.
async function beginLastingJob(secret) {
  const headers = { authorization: `Basic ${btoa(secret)}`, "content-type": "application/json" };
  const body = JSON.stringify(Array.from({ length: 2_000 }, () => ({ do: "loop" })));
  const { id } = await (await fetch(`${api}/api/contacts/bulk/new`, { method: "POST", headers, body })).json();
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { status } = await (await fetch(`${api}/api/contacts/job/${id}`, { headers })).json();
    if (status === "in_progress") return id;
    if (Date.now() > deadline) throw new Error(`the job is ${status}`);
  }
}

const LISTS = ["Overview", "Jobs", "Tenants", "Components", "Webhooks", "Audit log", "Servers"];

async function lookAtLists(page, name, see) {
  for (const list of LISTS) {
    await go(page, list);
    await see(page, `${name}: ${list}`, `ops-${list.toLowerCase().replaceAll(" ", "-")}`);
  }
}

// The daily path: what is wrong, a job, a tenant, a component, an endpoint. `see` looks at a page.
async function goTheWay(page, name, secret, see) {
  await lookAtLists(page, name, see);
  await go(page, "Jobs");
  await page.getByLabel("Tenant").fill(tenant);
  await page.getByLabel("State").selectOption("completed");
  await page.getByRole("button", { name: "Show" }).click();
  await page.goto(`${url}/ops/jobs/${job}`);
  await see(page, `${name}: a job`, "ops-job");
  await page.getByRole("link", { name: "Read the log" }).click();
  await heading(page, "What the components printed");
  await see(page, `${name}: a log`);
  await page.goto(`${url}/ops/jobs/${await beginLastingJob(secret)}`);
  await see(page, `${name}: a job in progress`, "ops-job-in-progress");
  await page.getByRole("link", { name: "Cancel this job…" }).click();
  await heading(page, "Cancel this job?");
  await see(page, `${name}: whether to cancel a job`);
  await page.getByRole("button", { name: "Cancel the job" }).click();
  await page.getByText("stopped").first().waitFor();
  await go(page, "Tenants");
  await page.getByRole("link", { name: tenant, exact: true }).click();
  await heading(page, tenant);
  await see(page, `${name}: a tenant`, "ops-tenant");
  await page.getByText("Its limits").click();
  await page.getByLabel("memoryMiB", { exact: true }).fill("much");
  await page.getByRole("button", { name: "Save" }).last().click();
  await page.getByText("this must be a whole number, not").waitFor();
  await see(page, `${name}: a tenant, limits refused`);
  await page.getByLabel("memoryMiB", { exact: true }).fill("128");
  await page.getByRole("button", { name: "Save" }).last().click();
  await page.getByText("The limits are saved.").waitFor();
  const profile = page.getByLabel("Fields, owners, stages and settings, as JSON");
  const before = await profile.inputValue();
  await profile.fill('{"fields": 7}');
  await page.getByRole("button", { name: "Only try" }).nth(1).click();
  await page.getByText("the profile cannot be used").waitFor();
  await see(page, `${name}: a tenant, profile refused`, "ops-tenant-refused");
  await page.getByLabel("Fields, owners, stages and settings, as JSON").fill(before);
  await page.getByRole("button", { name: "Only try" }).nth(1).click();
  await page.getByText("This would work.").waitFor();
  await go(page, "Components");
  await page.getByRole("link", { name: "corporate-email" }).click();
  await page.getByRole("button", { name: "Check it again on this server" }).click();
  await page.getByText("It was ready to run after").waitFor();
  await see(page, `${name}: a component`, "ops-component");
  await page.getByLabel("Give it to the tenant").fill("nobody-at-all");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("there is no tenant").waitFor();
  await page.getByLabel("Give it to the tenant").fill(tenant);
  await page.getByRole("button", { name: "Continue" }).click();
  await heading(page, tenant);
  await page.getByRole("button", { name: "Assign" }).click();
  await page.getByText("The components are assigned.").waitFor();
  await page.getByText("What it had before").click();
  await page.getByRole("button", { name: "Roll back to these" }).click();
  await page.getByText("has the components that it had before").waitFor();
  await go(page, "Webhooks");
  await page.getByRole("link", { name: /example-crm/ }).first().click();
  await heading(page, "Webhook");
  await see(page, `${name}: a webhook`, "ops-webhook");
  await page.getByRole("button", { name: "Disable" }).click();
  await page.getByText("It is disabled.").waitFor();
  await page.getByRole("button", { name: "Enable" }).click();
  await page.getByText("It is enabled").waitFor();
  await go(page, "Audit log");
  await page.getByLabel("Tenant").fill(tenant);
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("tenant.rollback").first().waitFor();
  await page.goto(`${url}/ops/jobs/00000000-0000-4000-8000-000000000000`);
  await see(page, `${name}: an error`);
}

const wide = await visitor({ viewport: { width: 1200, height: 900 }, colorScheme: "light" });
if (!tenant) {
  await wide.goto(url);
  await wide.getByText("You run this server?").click();
  await look(wide, "wide: log in");
  await wide.getByLabel("Operator's token").fill("not-the-token-of-anybody-at-all-here");
  await wide.getByRole("button", { name: "Log in as an operator" }).click();
  await look(wide, "wide: log in, refused");
  await logIn(wide);
  await lookAtLists(wide, "empty", (page, name) => look(page, name));
  await finish();
}

await logIn(wide);
// The page goes on by itself, until there are two samples to draw.
await wide.locator(".uplot canvas").first().waitFor({ timeout: 60_000 });
await wide.getByText("The same as a table").click();
await look(wide, "wide: overview with charts and their table");
await goTheWay(wide, "wide", secrets[0], look);

const dark = await visitor({ viewport: { width: 1200, height: 900 }, colorScheme: "dark", reducedMotion: "reduce" });
await logIn(dark);
await goTheWay(dark, "dark", secrets[1], (page, name, picture) => look(page, name, picture && `${picture}-dark`));

const narrow = await visitor({ viewport: { width: 320, height: 640 } });
await logIn(narrow);
await goTheWay(narrow, "narrow", secrets[2], (page, name, picture) => look(page, name, picture && `${picture}-narrow`));

// Without script, nothing can be injected to look by.
const plain = await visitor({ viewport: { width: 1000, height: 800 }, javaScriptEnabled: false });
await logIn(plain);
await goTheWay(plain, "plain", secrets[3], async () => {});
console.log("went the way without script");

const keys = await visitor({ viewport: { width: 1200, height: 900 } });
await keys.goto(url);
for (const key of ["Tab", "Enter", "Tab", "Tab", "Tab", "Tab", "Enter", "Tab"]) await keys.keyboard.press(key);
await keys.keyboard.type(token);
await keys.keyboard.press("Enter");
await heading(keys, "Overview");
await keys.keyboard.press("Tab");
await keys.keyboard.press("Tab");
for (let stops = 0; (await keys.evaluate(() => document.activeElement.textContent)) !== "Tenants" && stops < 20; stops += 1) await keys.keyboard.press("Tab");
await keys.keyboard.press("Enter");
await heading(keys, "Tenants");
console.log("went to a page by the keyboard");

if (faults.length === 0) console.log("no faults");
await finish();
