// @ts-check
/** Ctrl-C shows its effect soon while a program floods the terminal, over a slow link too. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  House,
  LabView,
  launch,
  pause,
  profile,
  temporaryFolder,
  writeFiles,
  writeShell,
} from "./house.mjs";
import { SlowLink } from "./slowlink.mjs";

const LOG_BYTES = 64 * 1024 * 1024;
// How often each is tried, and how long the flood has gone on by then.
const TRIES = Number(process.env["FLOOD_TRIES"] ?? 2);
const FLOODING_MS = 1500;
// Far more than a person would wait for; what was measured is printed.
const PATIENCE_MS = 5000;

describe("an interrupt during a flood", () => {
  const temp = temporaryFolder();
  let marks = 0;
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

  /**
   * From now on, how long it takes from Ctrl-C to a screen that ends with a prompt; both are seen
   * in the page itself.
   * @param {LabView} lab
   */
  const watch = (lab) =>
    lab.page.evaluate(() => {
      let pressed = 0;
      const key = (/** @type {KeyboardEvent} */ event) => {
        if (event.ctrlKey && event.key === "c") pressed ||= performance.now();
      };
      document.addEventListener("keydown", key, { capture: true });
      /** @type {Promise<number>} */
      const seen = new Promise((done) => {
        const look = () => {
          const drawn = document.querySelectorAll(".xterm-rows > div");
          const rows = Array.from(drawn, (row) => row.textContent?.replaceAll("\u00a0", " ") ?? "");
          const ends = rows.findLast((row) => row.trim() !== "")?.trim() === "$";
          if (pressed && ends) {
            document.removeEventListener("keydown", key, { capture: true });
            done(performance.now() - pressed);
          } else requestAnimationFrame(look);
        };
        look();
      });
      Object.assign(window, { seen });
    });

  /** @param {LabView} lab */
  const seen = (lab) =>
    lab.page.evaluate(
      () => /** @type {{ seen?: Promise<number> }} */ (/** @type {unknown} */ (window)).seen,
    );

  /** @param {string} what @param {string} command @param {() => URL} url */
  const check = (what, command, url) =>
    test(what, { timeout: 120_000 }, async () => {
      const context = await profile(browser);
      const lab = await LabView.open(context, url());
      const host = lab.terminal("host");
      const took = [];
      for (let round = 0; round < TRIES; round += 1) {
        // A prompt may be one of the past, which is still on its way over a slow link.
        marks += 1;
        await host.type(`clear; echo mark-$((${marks} + 0))\r`);
        await host.shows(new RegExp(`^mark-${marks}$`, "m"));
        await host.type(`clear; ${command}\r`);
        await pause(FLOODING_MS);
        await watch(lab);
        await host.press("Control+c");
        const late = pause(PATIENCE_MS).then(() => null);
        const ms = await Promise.race([seen(lab), late]);
        const rows = ms === null ? (await host.rows()).join("\n") : "";
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
