// @ts-check
/** An author sees on the page what is wrong with it, mends it, and sees it gone; nobody else does. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { before, beforeEach, describe, test } from "node:test";
import { breaches } from "./axe.mjs";
import { fence, terminals, until, writeFiles, writeShell } from "./house.mjs";
import { Suite } from "./suite.mjs";

/** @import { BrowserContextOptions } from "playwright-core" */
/** @import { LabView } from "./house.mjs" */

const BROKEN = {
  ".katapod_config.json": terminals("host", "host"),
  "intro.md": `# A lab

[Next](command:katapod.loadPage?stpe1)

${fence("ls")}${fence("### hots\nls")}`,
  "step1.md": `# The first step

[Back](command:katapod.loadPage?intro)
`,
};
const MENDED = BROKEN["intro.md"].replace("stpe1", "step1").replace("hots", "host");

describe("author", () => {
  const suite = new Suite();
  /** @type {string} */
  let folder;
  /** @type {string} */
  let shell;

  before(async () => {
    folder = join(suite.path, "lab");
    shell = await writeShell(suite.path);
  });

  beforeEach(() => writeFiles(folder, BROKEN));

  /**
   * @param {string[]} args
   * @param {(lab: LabView) => Promise<void>} use
   * @param {BrowserContextOptions} [options]
   */
  const inLab = (args, use, options) => suite.inOwnLab(folder, { shell, args }, use, options);

  test("sees what is wrong, mends it, loads the step again and sees it gone", () =>
    inLab(["--author"], async (lab) => {
      const panel = lab.page.locator("#page .problems");
      const entries = panel.locator(".problem");
      const summary = panel.locator("summary");
      assert.match(
        await summary.innerText(),
        /2 problems in this step, 1 problem in the lab as a whole – only you, the author, see this/,
      );
      const texts = await entries.allInnerTexts();
      assert.equal(texts.length, 3);
      assert.match(texts[0] ?? "", /Error[\s\S]*\.katapod_config\.json:1:[\s\S]*repeats the id/);
      assert.match(texts[1] ?? "", /Error[\s\S]*intro\.md:3:\d+[\s\S]*stpe1[\s\S]*did you mean/i);
      assert.match(texts[2] ?? "", /Warning[\s\S]*intro\.md:10:\d+[\s\S]*unknown terminal hots/i);
      const heard = lab.page.locator("#announcer");
      await until("the word", async () =>
        (await heard.textContent())?.startsWith("2 problems in this step"),
      );

      // The mark of a block leads to its entry, also in a panel that was folded.
      await summary.click();
      await entries.first().waitFor({ state: "hidden" });
      assert.equal(await lab.card(0).locator(".block-problems").isVisible(), false);
      await lab.card(1).getByRole("button", { name: "1 problem" }).click();
      await entries.nth(2).waitFor();
      assert.equal(await entries.nth(2).evaluate((entry) => entry.matches(":focus")), true);

      await writeFiles(folder, { "intro.md": MENDED });
      const again = lab.page.getByRole("button", { name: "Load this step again" });
      await again.click();
      await until("one problem", async () => (await entries.count()) === 1);
      assert.match(await summary.innerText(), /^1 problem in the lab as a whole/);
      assert.equal(await lab.card(1).locator(".block-problems").isVisible(), false);
      await writeFiles(folder, {
        ".katapod_config.json": terminals("host"),
      });
      await again.click();
      await panel.waitFor({ state: "hidden" });
      await until("the word", async () =>
        (await heard.textContent())?.includes("No problems any more."),
      );
      await lab.follow(lab.content.getByRole("link", { name: "Next" }), "step1");
      assert.equal(await panel.isVisible(), false);
    }));

  test("finds the panel folded as it was left", () =>
    inLab(["--author"], async (lab) => {
      const entry = lab.page.locator("#page .problem").first();
      await entry.waitFor();
      await lab.page.locator("#page .problems summary").focus();
      await lab.page.keyboard.press("Enter");
      await entry.waitFor({ state: "hidden" });
      // Browsers tell of a folded panel a moment after they fold it.
      await lab.page.waitForFunction(() => localStorage.getItem("katahost.problems") === "closed");
      await lab.page.reload();
      await lab.ready();
      await lab.page.locator("#page .problems summary").waitFor();
      assert.equal(await entry.isVisible(), false);
    }));

  test("is who asked for it: without --author the page says nothing", () =>
    inLab([], async (lab) => {
      assert.equal(await lab.page.locator("#page .problems").isVisible(), false);
      assert.equal(await lab.page.locator("#page .block-problems:visible").count(), 0);
    }));

  test("reads on the page why a step can't be shown", async () => {
    await writeFiles(folder, { "intro.md": "x".repeat(5_000_000) });
    await inLab(["--author"], async (lab) => {
      const note = lab.content.locator(".note-error:visible");
      assert.match(await note.innerText(), /The page of step intro can't be read: it has 5 MiB/);
      assert.match(await note.innerText(), /can't be shown until it is repaired/);
    });
  });

  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const width of [1440, 390]) {
      test(`axe finds nothing in the panel in ${colorScheme} at ${width} pixels`, () =>
        inLab(
          ["--author"],
          async (lab) => {
            await lab.page.locator("#page .problem").first().waitFor();
            assert.deepEqual(await breaches(lab.page), []);
          },
          { colorScheme, reducedMotion: "reduce", viewport: { width, height: 844 } },
        ));
    }
  }
});
