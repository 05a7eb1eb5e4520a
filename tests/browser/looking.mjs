// What the scripts share that drive Chromium through the console. Everything that goes wrong in a window is a fault: a page that breaks
// its own policy, names another origin, is found wanting by axe, is wider than its window, or is too large.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import process from "node:process";
import { chromium } from "playwright-core";

const MAX_PAGE_BYTES = 100_000;
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

// Axe goes into a page by the browser's own debugger, which a page's policy does not concern.
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

export const faults = [];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS });

// A visitor of the console at `url` with a window of a kind.
export async function visitor(url, settings) {
  const context = await browser.newContext({ acceptDownloads: true, ...settings });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of (400|403|404|409)/.test(message.text())) faults.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`${page.url()}: ${error}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:")) faults.push(`${page.url()} asks for ${request.url()}`);
  });
  let bytes = 0;
  page.on("response", async (response) => {
    const sizes = await response.request().sizes().catch(() => undefined);
    if (sizes) bytes += sizes.responseBodySize;
  });
  page.fresh = () => { bytes = 0; };
  page.bytes = () => bytes;
  return page;
}

// Looks at a page: by axe, by its width, and by its size. Takes a picture of it into a folder, if it is to have one.
export async function look(page, name, picture) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate((values) => window.axe.run(document, { runOnly: { type: "tag", values } }), TAGS);
  for (const { id, help, nodes } of violations) faults.push(`${name}: ${id}: ${help}: ${nodes.map((node) => node.html).slice(0, 3).join(" ")}`);
  const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (width > 0) faults.push(`${name}: ${width} pixels wider than the window`);
  if (page.bytes() > MAX_PAGE_BYTES) faults.push(`${name}: ${page.bytes()} bytes`);
  if (picture) await page.screenshot({ path: `${picture}.png`, fullPage: true });
  console.log(`looked at ${name}`);
  page.fresh();
}

// Ends the browser, tells all faults, and ends the script.
export async function finish() {
  await browser.close();
  for (const fault of faults) console.error(`FAULT ${fault}`);
  process.exit(faults.length === 0 ? 0 : 1);
}
