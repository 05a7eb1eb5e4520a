import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { componentize } from "@bytecodealliance/componentize-js";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

// stdio stays: it is how an error's text and line get out.
const { component } = await componentize({
  sourcePath: path("validator.js"),
  witPath: path("wit"),
  worldName: "validator",
  disableFeatures: ["random", "clocks", "http", "fetch-event"],
});
await writeFile(path("eu-consent.wasm"), component);
console.log(`eu-consent.wasm: ${component.length} bytes`);
