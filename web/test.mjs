// Runs the unit tests: Node 20 reads no TypeScript, so that esbuild bundles them first.
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

const sources = (await readdir("test")).filter((name) => name.endsWith(".test.ts"));
const out = await mkdtemp(join(tmpdir(), "katahost-web-test-"));
await build({
  entryPoints: sources.map((name) => join("test", name)),
  bundle: true,
  platform: "node",
  format: "esm",
  outExtension: { ".js": ".mjs" },
  outdir: out,
  // Its build for Node loads what a bundle can't follow.
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  logLevel: "warning",
});
const files = sources.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
const { status } = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" });
await rm(out, { recursive: true });
process.exit(status ?? 1);
