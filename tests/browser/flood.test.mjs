// @ts-check
/** Ctrl-C shows its effect soon while a program floods the terminal, over a slow link too. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  House,
  LabView,
  launch,
  profile,
  temporaryFolder,
  writeFiles,
  writeShell,
} from "./house.mjs";
import { interruptFlood } from "./interrupt.mjs";
import { SlowLink } from "./slowlink.mjs";

const LOG_BYTES = 64 * 1024 * 1024;
// How often each is tried.
const TRIES = Number(process.env["FLOOD_TRIES"] ?? 2);
// Far more than a person would wait for, on a machine that does other things; `make bench` measures.
const PATIENCE_MS = 5000;

describe("an interrupt during a flood", () => {
  const temp = temporaryFolder();
  /** @type {import("playwright-core").Browser} */
  let browser;
  /** @type {House} */
  let house;
  /** @type {SlowLink} */
  let link;

  before(async () => {
    const { path } = await temp;
    const folder = join(path, "lab");
    const line = (/** @type {number} */ at) =>
      `2026-11-23T10:00:00.${at} INFO request ${at} took ${at % 977} ms \x1b[32mok\x1b[0m\n`;
    const block = Array.from({ length: 10_000 }, (_, at) => line(at)).join("");
    await writeFiles(folder, {
      "intro.md": "# Lab",
      ".katapod_config.json": JSON.stringify({ layout: { terminals: [{ id: "host" }] } }),
      log: block.repeat(Math.ceil(LOG_BYTES / block.length)),
    });
    house = await House.open(folder, { shell: await writeShell(path), home: path });
    link = await SlowLink.to(house.port, { roundTripMs: 100, bitsPerSecond: 10_000_000 });
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    link?.close();
    await house?.stop();
    await (await temp).remove();
  });

  /** @param {string} what @param {string} command @param {() => URL} url */
  const check = (what, command, url) =>
    test(what, { timeout: 120_000 }, async () => {
      const context = await profile(browser);
      const lab = await LabView.open(context, url());
      const took = [];
      for (let round = 0; round < TRIES; round += 1) {
        const ms = await interruptFlood(lab, command, PATIENCE_MS);
        const rows = ms === null ? (await lab.terminal("host").rows()).join("\n") : "";
        assert.notEqual(ms, null, `no prompt ${PATIENCE_MS} ms after Ctrl-C:\n${rows}`);
        took.push(Math.round(Number(ms)));
      }
      console.log(`${what}: ${took.join(", ")} ms from Ctrl-C to the prompt`);
      assert.deepEqual(lab.problems, []);
      await context.close();
    });

  const direct = () => house.url;
  const far = () => {
    const url = new URL(house.url);
    url.port = String(link.port);
    return url;
  };
  check("yes, directly", "yes", direct);
  check("a log of 64 MiB, directly", "cat log", direct);
  check("yes, over 100 ms and 10 Mbit/s", "yes", far);
  check("a log of 64 MiB, over 100 ms and 10 Mbit/s", "cat log", far);
});
