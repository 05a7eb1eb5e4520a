// Loads a component: jco translates it to JavaScript and core modules in memory.

import { readFile } from "node:fs/promises";
import { transpileBytes } from "@bytecodealliance/jco-transpile";
import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";

/**
 * Reads and translates a component.
 * @returns a function that creates a new instance: an object with the interfaces that the component exports.
 */
export async function load(path) {
  const { files } = await transpileBytes(await readFile(path), {
    name: "component",
    instantiation: "async",
    noTypescript: true,
  });
  const module = await import(`data:text/javascript;base64,${Buffer.from(files["component.js"]).toString("base64")}`);
  const coreModules = {};
  const coreModule = async (name) => (coreModules[name] ??= await WebAssembly.compile(files[name]));
  return async () => module.instantiate(coreModule, emptyWasi());
}

/** Returns the WASI imports of the component, without any files, variables or network access. */
function emptyWasi() {
  return new WASIShim({ sandbox: { preopens: {}, env: {}, args: [], enableNetwork: false } }).getImportObject();
}
