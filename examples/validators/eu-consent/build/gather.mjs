// Gathers in the folder .build what becomes the component: the files of this folder as they are, so that errors show their lines,
// and what the files import of npm's packages, bundled. You need not change this file.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { dirname, join, posix, relative } from "node:path";
import { rolldown } from "rolldown";
import { parseAst } from "rolldown/parseAst";

const TARGET = ".build";
const OURS = `${TARGET}/bulkhead`;

// Gathers a file and all that it imports.
export async function gather(entry) {
  await rm(TARGET, { recursive: true, force: true });
  const packages = new Packages();
  const files = [entry];
  const wantedAt = new Map([[entry, ""]]);
  for (const file of files) {
    const source = await readFile(file, "utf8").catch(() => fail(`${wantedAt.get(file)}there is no file ${file}`));
    const gathered = [];
    let from = 0;
    for (const imported of imports(file, source)) {
      let name = imported.name;
      if (isOwn(name)) {
        const path = posix.join(posix.dirname(file), name);
        if (path.startsWith("..")) fail(`${imported.place}: '${name}' is outside of this folder; copy it into the folder`);
        if (!files.includes(path)) {
          files.push(path);
          wantedAt.set(path, `${imported.place}: `);
        }
      } else {
        name = posix.relative(posix.dirname(file), packages.add(file, imported));
        if (!name.startsWith(".")) name = `./${name}`;
      }
      gathered.push(source.slice(from, imported.start), JSON.stringify(name));
      from = imported.end;
    }
    gathered.push(source.slice(from));
    await mkdir(dirname(join(TARGET, file)), { recursive: true });
    await writeFile(join(TARGET, file), gathered.join(""));
  }
  await packages.bundle();
  await mkdir(OURS, { recursive: true });
  for (const file of ["component.js", "not-granted.js"]) {
    await writeFile(`${OURS}/${file}`, await readFile(`build/${file}`));
  }
}

// Returns the imports of a file, in order, with the names that it takes of each.
function imports(file, source) {
  const found = [];
  const add = (node, names) => {
    const { start, end, value } = node.source;
    const place = `${file}:${source.slice(0, start).split("\n").length}`;
    found.push({ name: value, names, start, end, place });
  };
  const nameOf = (node) => node.name ?? node.value;
  const visit = (node) => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (typeof node?.type !== "string") return;
    if (node.type === "ImportDeclaration") {
      const name = { ImportDefaultSpecifier: () => "default", ImportNamespaceSpecifier: () => "*" };
      add(node, node.specifiers.map((one) => (name[one.type] ?? (() => nameOf(one.imported)))()));
    } else if (node.type === "ExportAllDeclaration") {
      add(node, ["*"]);
    } else if (node.type === "ExportNamedDeclaration" && node.source) {
      add(node, node.specifiers.map((one) => nameOf(one.local)));
    } else if (node.type === "ImportExpression") {
      const line = source.slice(0, node.start).split("\n").length;
      fail(`${file}:${line}: import() loads a file while the component runs, and a component has no files; import it at the top of the file`);
    }
    Object.values(node).forEach(visit);
  };
  visit(parsed(file, source));
  return found.sort((one, other) => one.start - other.start);
}

function parsed(file, source) {
  try {
    return parseAst(source).body;
  } catch (error) {
    fail(`${file}: ${error.message}`);
  }
}

// Returns whether an import names a file that is gathered as it is.
function isOwn(name) {
  return /^\.\.?\//.test(name) && /\.m?js$/.test(name);
}

class Packages {
  #entries = new Map();

  // Returns the file that stands for an imported package, or for a file of another kind.
  add(file, { name, names, place }) {
    if (isBuiltin(name)) fail(`${place}: '${name}' is a part of Node, and a component does not run in Node`);
    const key = name.startsWith(".") ? `./${posix.join(posix.dirname(file), name)}` : name;
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { names: new Set(), place, number: this.#entries.size };
      this.#entries.set(key, entry);
    }
    names.forEach((one) => entry.names.add(one));
    return `bulkhead/package-${entry.number}.js`;
  }

  async bundle() {
    if (this.#entries.size === 0) return;
    const entries = [...this.#entries];
    const input = Object.fromEntries(entries.map(([, { number }]) => [`package-${number}`, `bulkhead:${number}`]));
    const plugin = {
      name: "bulkhead",
      resolveId(id, importer) {
        if (id.startsWith("bulkhead:")) return `\0${id}`;
        if (isBuiltin(id)) {
          console.error(`warning: ${id}, a part of Node, is imported by ${relative(process.cwd(), importer)}: a check that uses it fails`);
          return `\0builtin:${id}`;
        }
        // Imports of the entries are resolved as if this folder had made them.
        return importer?.startsWith("\0bulkhead:") ? this.resolve(id, join(process.cwd(), "validator.js")) : null;
      },
      load(id) {
        if (id.startsWith("\0builtin:")) return absent(id.slice("\0builtin:".length));
        if (!id.startsWith("\0bulkhead:")) return null;
        const [name, { names }] = entries[Number(id.slice("\0bulkhead:".length))];
        const from = JSON.stringify(name);
        const named = [...names].filter((one) => one !== "*").map((one) => (/^[\w$]+$/.test(one) ? one : JSON.stringify(one)));
        return [
          `import ${from};`,
          ...(named.length > 0 ? [`export { ${named.join(", ")} } from ${from};`] : []),
          ...(names.has("*") ? [`export * from ${from};`] : []),
        ].join("\n");
      },
    };
    const bundle = await rolldown({
      input,
      plugins: [plugin],
      platform: "browser",
      transform: { define: { "process.env.NODE_ENV": '"production"' } },
      onLog(level, log) {
        if (log.code === "UNRESOLVED_IMPORT") throw log;
        if (level === "warn") console.error(`warning: ${log.message}`);
      },
    });
    try {
      await bundle.write({ dir: OURS, format: "esm", entryFileNames: "[name].js", chunkFileNames: "chunk-[hash].js" });
    } catch (error) {
      const missing = entries.find(([name]) => error.message.includes(`Could not resolve '${name}' in \\0bulkhead:`));
      if (!missing) fail(`the packages cannot be bundled: ${error.message}`);
      const [name, { place }] = missing;
      fail(`${place}: '${name}' is not there${name.startsWith(".") ? "" : `; if it is a package, install it: npm install ${name}`}`);
    }
  }
}

function isBuiltin(name) {
  return name.startsWith("node:") || builtinModules.includes(name);
}

// Returns a module in place of a part of Node. It fails when something of it is used.
function absent(name) {
  return `module.exports = new Proxy({}, { get(_, member) {
    if (member === "__esModule" || typeof member === "symbol" || member === "default") return undefined;
    throw new Error(${JSON.stringify(`${name} is a part of Node, and a component does not run in Node: `)} + member);
  } });`;
}

function fail(text) {
  console.error(`build: ${text}`);
  process.exit(1);
}
