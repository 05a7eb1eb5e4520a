import { writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

// stdio stays: it is how an error's text and line get out.
const { component } = await componentize({
  sourcePath: "validator.js",
  witPath: "wit",
  worldName: "validator",
  disableFeatures: ["random", "clocks", "http", "fetch-event"],
});
await writeFile("__NAME__.wasm", component);
console.log(`__NAME__.wasm: ${component.length} bytes`);
