import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { componentize } from "@bytecodealliance/componentize-js";
import { gather } from "./build/gather.mjs";

process.chdir(fileURLToPath(new URL(".", import.meta.url)));
const [wit, target] = [resolve("wit"), resolve("eu-consent.wasm")];
await gather("validator.js");
// Errors then show paths from the folder of validator.js.
process.chdir(".build");
// stdio is kept: errors are printed to standard error, with their lines.
const { component } = await componentize({
  sourcePath: resolve("bulkhead/component.js"),
  witPath: wit,
  worldName: "validator",
  disableFeatures: ["random", "clocks", "http", "fetch-event"],
});
await writeFile(target, component);
console.log(`eu-consent.wasm: ${component.length} bytes`);
