// @ts-check
/**
 * Times Ctrl-C during a flood in Chromium, directly and over a link that is far away and carries
 * little; prints rows of values as JSON for `benches/bench/browser.rs`. The log is the file that
 * KATAHOST_BENCH_LOG_FILE names.
 */

import { cp } from "node:fs/promises";
import { join } from "node:path";
import {
  House,
  LabView,
  launch,
  profile,
  temporaryFolder,
  writeFiles,
  writeShell,
} from "../tests/browser/house.mjs";
import { interruptFlood } from "../tests/browser/interrupt.mjs";
import { SlowLink } from "../tests/browser/slowlink.mjs";

const ROUNDS = 5;
const FLOODS = ["yes", "cat log"];
// What takes longer is a fault, not a figure.
const PATIENCE_MS = 20_000;

const folder = await temporaryFolder();
const lab = join(folder.path, "lab");
await writeFiles(lab, {
  ".katapod_config.json": JSON.stringify({ layout: { terminals: [{ id: "host" }] } }),
  "intro.md": "# Bench\n",
});
await cp(process.env["KATAHOST_BENCH_LOG_FILE"] ?? "", join(lab, "log"));
const shell = await writeShell(folder.path);
const browser = await launch();
const house = await House.open(lab, { shell });
const link = await SlowLink.to(house.port, { roundTripMs: 100, bitsPerSecond: 10_000_000 });

/** @param {number} port */
async function measure(port) {
  const url = new URL(house.url);
  url.port = String(port);
  const context = await profile(browser);
  const view = await LabView.open(context, url);
  const took = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const flood of FLOODS) {
      const ms = await interruptFlood(view, flood, PATIENCE_MS);
      if (ms === null) throw new Error(`no prompt ${PATIENCE_MS} ms after Ctrl-C in "${flood}"`);
      took.push(ms);
    }
  }
  await context.close();
  return took;
}

try {
  /** @type {Record<string, { katahost: number[] }>} */
  const rows = {};
  for (const [what, port] of /** @type {const} */ ([
    ["browser/Ctrl-C in a flood to prompt", house.port],
    ["browser/Ctrl-C over 100 ms and 10 Mbit/s", link.port],
  ])) {
    const took = await measure(port);
    rows[`${what}, ms`] = { katahost: took };
    rows[`${what}, slowest, ms`] = { katahost: [Math.max(...took)] };
  }
  process.stdout.write(JSON.stringify(rows));
} finally {
  await browser.close();
  link.close();
  await house.stop();
  await folder.remove();
}
