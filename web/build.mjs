// Builds the front end: `node build.mjs --out DIR`. Names in `assets/` carry a hash of their
// content, so that browsers may keep them for ever.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const { values } = parseArgs({ options: { out: { type: "string", default: "dist" } } });
const here = import.meta.dirname ?? dirname(new URL(import.meta.url).pathname);
const out = resolve(values.out);
const PAGES = ["lab.html", "start.html", "message.html"];
const COMPRESSIBLE = new Set([".css", ".js", ".svg"]);
// What the lab page may load before a diagram is drawn, compressed by gzip.
const LAB_LIMIT_KB = 250;

/** The page's style sheet lives in a shadow root, as text in the script. */
const pageSheet = {
  name: "page-sheet",
  setup({ onLoad }) {
    onLoad({ filter: /page\.css$/ }, async ({ path }) => {
      const { outputFiles } = await build({
        stdin: { contents: await readFile(path, "utf8"), loader: "css", resolveDir: dirname(path) },
        bundle: true,
        minify: true,
        write: false,
      });
      const text = JSON.stringify(outputFiles[0].text);
      return { contents: `export const css = ${text};`, loader: "js" };
    });
  },
};

const shared = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  target: ["chrome120", "firefox121", "safari17.5"],
  legalComments: "external",
  metafile: true,
  write: false,
  outdir: out,
  entryNames: "assets/[name]-[hash]",
  chunkNames: "assets/[name]-[hash]",
  logLevel: "warning",
};
const modules = await build({
  ...shared,
  entryPoints: ["src/main.ts", "src/start.ts", "src/message.ts"],
  format: "esm",
  splitting: true,
  plugins: [pageSheet],
});
const boot = await build({ ...shared, entryPoints: ["src/boot.ts"], format: "iife" });

const files = new Map();
const named = new Map();
const outputs = { ...modules.metafile.outputs, ...boot.metafile.outputs };
for (const file of [...modules.outputFiles, ...boot.outputFiles]) {
  files.set(relative(out, file.path), Buffer.from(file.contents));
}
const inOut = (path) => relative(out, resolve(here, path));
for (const [path, { entryPoint, cssBundle }] of Object.entries(outputs)) {
  if (!entryPoint) continue;
  const name = basename(entryPoint, ".ts");
  named.set(`${name}.js`, inOut(path));
  if (cssBundle) named.set(`${name}.css`, inOut(cssBundle));
}
const svg = await readFile(join(here, "src/icon.svg"));
const hash = createHash("sha256").update(svg).digest("hex").slice(0, 8).toUpperCase();
files.set(`assets/icon-${hash}.svg`, svg);
named.set("icon.svg", `assets/icon-${hash}.svg`);
// The script of a page that has only styles is empty.
files.delete(named.get("message.js"));

/** An entry and all that it imports before anything else happens. */
function loadedWith(path, seen = new Set()) {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const { path: imported, kind } of outputs[path]?.imports ?? []) {
    if (kind === "import-statement") loadedWith(imported, seen);
  }
  return seen;
}

function graph(name) {
  const entry = Object.keys(outputs).find((path) => inOut(path) === named.get(name));
  return [...loadedWith(entry)].map(inOut);
}

await rm(out, { recursive: true, force: true });
await mkdir(join(out, "assets"), { recursive: true });
for (const page of PAGES) {
  const html = (await readFile(join(here, page), "utf8"))
    .replace(/\{\{preload (\S+) (\S+)\}\}/g, (_, name, root) =>
      graph(name)
        .slice(1)
        .map((path) => `<link rel="modulepreload" href="${root}${path}">`)
        .join(""),
    )
    .replace(/\{\{asset (\S+)\}\}/g, (_, name) => {
      const path = named.get(name);
      if (!path) throw new Error(`${page} names the unknown asset ${name}`);
      return path;
    })
    .replace(/^\s*\n/gm, "");
  await writeFile(join(out, page), html);
}

let total = 0;
const gzipped = new Map();
for (const [path, content] of files) {
  await writeFile(join(out, path), content);
  total += content.length;
  if (!COMPRESSIBLE.has(extname(path))) continue;
  const gzip = gzipSync(content, { level: 9 });
  const brotli = brotliCompressSync(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
  gzipped.set(path, [gzip.length, brotli.length]);
  await writeFile(join(out, `${path}.gz`), gzip);
  await writeFile(join(out, `${path}.br`), brotli);
}

const kB = (bytes) => (bytes / 1000).toFixed(1);
const lab = [...graph("main.js"), named.get("main.css"), named.get("boot.js")];
const sum = (index) => lab.reduce((size, path) => size + (gzipped.get(path)?.[index] ?? 0), 0);
console.log(`lab page: ${kB(sum(0))} kB gzip, ${kB(sum(1))} kB brotli, in ${lab.length} files`);
for (const path of lab) console.log(`  ${path}: ${kB(gzipped.get(path)?.[0] ?? 0)} kB gzip`);
const lazy = [...gzipped].filter(([path]) => !lab.includes(path));
const lazySum = lazy.reduce((size, [, [gzip]]) => size + gzip, 0);
console.log(`loaded later: ${kB(lazySum)} kB gzip in ${lazy.length} files; all: ${kB(total)} kB`);
if (sum(0) > LAB_LIMIT_KB * 1000) {
  console.error(`the lab page is larger than ${LAB_LIMIT_KB} kB`);
  process.exit(1);
}
