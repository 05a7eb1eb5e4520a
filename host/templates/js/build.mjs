import { writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

// stdio stays enabled: an error's message and line are printed through it.
const { component } = await componentize({
  sourcePath: "validator.js",
  witPath: "wit",
  worldName: "validator",
  disableFeatures: ["random", "clocks", "http", "fetch-event"],
});
await writeFile("__NAME__.wasm", component);
console.log(`__NAME__.wasm: ${component.length} bytes`);
