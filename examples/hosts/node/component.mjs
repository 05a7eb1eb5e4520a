// Loading a component: jco makes JavaScript and core modules of it, in memory, and these are instantiated.

import { readFile } from "node:fs/promises";
import { transpileBytes } from "@bytecodealliance/jco-transpile";
import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";

/**
 * Reads a component and makes what it is in JavaScript.
 * @returns a function that makes a new instance of it: an object with the interfaces that the component exports.
 */
export async function load(path) {
  const { files } = await transpileBytes(await readFile(path), {
    name: "component",
    instantiation: "async",
    noTypescript: true,
  });
  const module = await import(`data:text/javascript;base64,${Buffer.from(files["component.js"]).toString("base64")}`);
  const cores = {};
  const core = async (name) => (cores[name] ??= await WebAssembly.compile(files[name]));
  return async () => module.instantiate(core, nothing());
}

/** What the component imports of WASI, without a file, a variable or the network behind it. */
function nothing() {
  return new WASIShim({ sandbox: { preopens: {}, env: {}, args: [], enableNetwork: false } }).getImportObject();
}
