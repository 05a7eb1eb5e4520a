// Drives Chromium through the console: node console.mjs URL CLIENT_ID CLIENT_SECRET FOLDER
//
// Goes the way of a file with script and without, by the keyboard alone, in narrow and wide windows, in light and dark. Takes pictures
// of the main pages into FOLDER. Prints one line for each page that was looked at.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { faults, finish, look as lookAt, visitor as visitorOf } from "./looking.mjs";

const [url, clientId, clientSecret, folder] = process.argv.slice(2);
const look = (page, name, picture) => lookAt(page, name, picture && join(folder, picture));
const visitor = (settings) => visitorOf(url, settings);

const ROWS = 2_000;
const table = ["E-Mail;First name;Last name;Company;Shoe size"];
for (let n = 0; n < ROWS; n += 1) table.push(`person${n}@example.com;Person;Number ${n};Example Ltd;${36 + (n % 10)}`);
for (let n = 0; n < 12; n += 1) table.push(`no-address-${n};Nobody;At all;;`);
const file = join(folder, "spring-fair.csv");
await writeFile(file, `${table.join("\r\n")}\r\n`);

async function logIn(page, name, picture) {
  await page.goto(url);
  await look(page, `${name}: log in`, picture);
  await page.getByLabel("Client id").fill(clientId);
  await page.getByLabel("Client secret").fill("not-the-secret");
  await page.getByRole("button", { name: "Log in" }).click();
  await look(page, `${name}: log in, refused`);
  await page.getByLabel("Client id").fill(clientId);
  await page.getByLabel("Client secret").fill(clientSecret);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
}

// The whole way of a file.
async function goTheWay(page, name, pictures) {
  const picture = (part) => pictures && `${part}${pictures === true ? "" : pictures}`;
  await page.getByRole("link", { name: "New import" }).click();
  await look(page, `${name}: upload`, picture("upload"));
  await page.getByLabel("File", { exact: true }).setInputFiles(file);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: "What do the columns mean?" }).waitFor();
  await look(page, `${name}: map`, picture("map"));
  await page.getByLabel("Last name").selectOption("firstname");
  await page.getByRole("button", { name: "Check", exact: true }).click();
  await page.getByText("becomes the same field").first().waitFor();
  await look(page, `${name}: map, refused`);
  await page.getByLabel("Last name").selectOption("lastname");
  await page.getByRole("button", { name: "Check", exact: true }).click();
  await page.getByRole("heading", { name: "This is what would happen" }).waitFor();
  await look(page, `${name}: check`, picture("check"));
  await page.goBack();
  await page.goForward();
  await page.getByRole("button", { name: /^Run/ }).click();
  await page.getByRole("heading", { name: "Done" }).waitFor();
  await look(page, `${name}: result`, picture("result"));
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: /Download the refused rows/ }).click()]);
  if (!download.suggestedFilename().endsWith(".csv")) faults.push(`${name}: the failures are called ${download.suggestedFilename()}`);
  await page.getByRole("link", { name: /Undo/ }).click();
  await page.getByRole("heading", { name: "Undo this job?" }).waitFor();
  await look(page, `${name}: undo`, picture("undo"));
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("heading", { name: "Undone" }).waitFor();
  await look(page, `${name}: undone`);
  await page.getByRole("link", { name: "Jobs" }).click();
  await look(page, `${name}: jobs`, picture("jobs"));
  await page.goto(`${url}/nowhere`);
  await look(page, `${name}: an error`);
}

// By the keyboard alone: to the form, and through it.
async function byKeyboard(page) {
  await page.goto(url);
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.textContent);
  if (first !== "Skip to the content") faults.push(`the first stop is ${first}`);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.type(clientId);
  await page.keyboard.press("Tab");
  await page.keyboard.type(clientSecret);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
}

const wide = await visitor({ viewport: { width: 1200, height: 900 }, colorScheme: "light" });
await logIn(wide, "wide", "login");
await look(wide, "wide: jobs, empty", "jobs-empty");
await goTheWay(wide, "wide", true);

const dark = await visitor({ viewport: { width: 1200, height: 900 }, colorScheme: "dark", reducedMotion: "reduce" });
await logIn(dark, "dark");
await goTheWay(dark, "dark", "-dark");

const narrow = await visitor({ viewport: { width: 320, height: 640 } });
await logIn(narrow, "narrow");
await goTheWay(narrow, "narrow", "-narrow");

const plain = await visitor({ viewport: { width: 1000, height: 800 }, javaScriptEnabled: false });
await plain.goto(url);
await plain.getByLabel("Client id").fill(clientId);
await plain.getByLabel("Client secret").fill(clientSecret);
await plain.getByRole("button", { name: "Log in" }).click();
await plain.getByRole("link", { name: "New import" }).click();
await plain.getByLabel("File", { exact: true }).setInputFiles(file);
await plain.getByRole("button", { name: "Continue" }).click();
await plain.getByRole("button", { name: "Check", exact: true }).click();
await plain.getByRole("heading", { name: "This is what would happen" }).waitFor();
await plain.getByRole("button", { name: /^Run/ }).click();
await plain.getByRole("heading", { name: "Done" }).waitFor();
console.log("went the way without script");

await byKeyboard(await visitor({ viewport: { width: 1200, height: 900 } }));
console.log("logged in by the keyboard");

await finish();
