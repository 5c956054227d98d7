// @ts-check
/** Every page of the corpus in a real browser; how fast pages open is printed, not judged. */

import assert from "node:assert/strict";
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  corpus,
  House,
  LabView,
  launch,
  profile,
  temporaryFolder,
  until,
  writeShell,
} from "./house.mjs";

const found = await corpus();
const REPEATS = 3;

/**
 * Milliseconds from a click on a step until its page is painted, with the colours of its code.
 * @param {LabView} lab
 * @param {string} step
 */
function measure(lab, step) {
  return lab.page.evaluate(
    (wanted) =>
      new Promise((done) => {
        const items = document.querySelectorAll("#step-list .step");
        const button = /** @type {HTMLElement[]} */ (Array.from(items)).find(
          (one) => one.dataset["step"] === wanted,
        );
        const began = performance.now();
        const shown = () => new URLSearchParams(location.search).get("step") === wanted;
        const look = () => {
          // The frame after the page is in the document has painted it.
          if (shown())
            requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
          else setTimeout(look);
        };
        button?.click();
        look();
      }),
    step,
  );
}

describe("pages of the corpus", { skip: found.skip }, () => {
  const temp = temporaryFolder();
  /** @type {import("playwright-core").Browser} */
  let browser;
  /** @type {House} */
  let house;

  before(async () => {
    const { path } = await temp;
    house = await House.open(found.path, { shell: await writeShell(path), home: path });
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await house?.stop();
    await (await temp).remove();
  });

  test("all open without an error", async () => {
    const context = await profile(browser);
    const start = await context.newPage();
    await start.goto(house.url.href);
    const labs = await start
      .locator(".lab-card a")
      .evaluateAll((all) => all.map((a) => /** @type {HTMLAnchorElement} */ (a).href));
    const folders = (await readdir(found.path, { withFileTypes: true })).filter((one) =>
      one.isDirectory(),
    );
    assert.equal(labs.length, folders.length);
    let pages = 0;
    for (const url of labs) {
      const lab = await LabView.open(context, url);
      const steps = await lab.steps();
      for (const step of steps) {
        if (lab.step !== step) await lab.open(step);
        const diagrams = lab.content.locator("figure.diagram");
        await until("diagrams", async () => (await diagrams.getByText("Drawing …").count()) === 0);
        pages += 1;
      }
      // One step is no list; its page is open already.
      if (steps.length === 0) pages += 1;
      assert.deepEqual(lab.problems, [], url);
      // Images of the network are looked for in the folder as well; what is there must be served.
      for (const path of lab.missing) {
        const [, name = "", file = ""] = /labs\/([^/]+)\/files\/(.+)/.exec(path) ?? [];
        const there = join(found.path, decodeURIComponent(name), decodeURIComponent(file));
        await assert.rejects(access(there), `${path} is there and was not served`);
      }
      await lab.page.close();
    }
    assert.ok(pages > 100, `${pages} pages`);
    await context.close();
  });

  test("open within a time that is printed", async () => {
    const context = await profile(browser);
    const start = await context.newPage();
    await start.goto(house.url.href);
    const lab = await LabView.open(context, `${house.origin}/labs/zdm-scenario-katapod/`);
    const steps = await lab.steps();
    /** @type {Map<string, number>} */
    const times = new Map();
    for (const step of steps) {
      /** @type {number[]} */
      const runs = [];
      for (let n = 0; n < REPEATS; n += 1) {
        await lab.open(steps.find((other) => other !== step) ?? step);
        runs.push(Number(await measure(lab, step)));
      }
      times.set(step, median(runs));
    }
    const all = [...times.values()];
    const slowest = [...times].sort((a, b) => b[1] - a[1])[0];
    process.stdout.write(
      `page open on click, ${all.length} pages of the zdm lab: median ${median(all).toFixed(1)} ms, ` +
        `slowest ${slowest?.[1].toFixed(1)} ms (${slowest?.[0]})\n`,
    );
    await context.close();
  });
});

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
