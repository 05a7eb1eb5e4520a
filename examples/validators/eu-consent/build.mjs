import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { componentize } from "@bytecodealliance/componentize-js";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

// stdio is kept: errors are printed to standard error, with their lines.
const { component } = await componentize({
  sourcePath: path("validator.js"),
  witPath: path("wit"),
  worldName: "validator",
  disableFeatures: ["random", "clocks", "http", "fetch-event"],
});
await writeFile(path("eu-consent.wasm"), component);
console.log(`eu-consent.wasm: ${component.length} bytes`);
