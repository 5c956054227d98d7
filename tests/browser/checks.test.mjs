// @ts-check
// Steps that check themselves: a check that fails, passes and opens the way, as all who look see it.

import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, beforeEach, describe, test } from "node:test";
import { breaches } from "./axe.mjs";
import { fence, House, LabView, profile, terminals, until, writeBash } from "./house.mjs";
import { Suite } from "./suite.mjs";

/** @import { BrowserContext } from "playwright-core" */

const link = (/** @type {string} */ step, /** @type {string} */ text) =>
  `<div class="navigation-bottom"><a class="btn btn-dark" href='command:katapod.loadPage?[{"step":"${step}"}]'>${text}</a></div>\n\n`;

const CHECK = [
  "test -e rows && echo 12 rows && exit",
  "echo looked for rows",
  "echo 'FAIL: there are no `rows`'",
  "echo 'HINT: load them with the block above'",
  "exit 1",
].join("\n");

const SCENARIO = {
  ".katapod_config.json": terminals("host"),
  "intro.md": `# Checks\n\n${fence("touch rows", { title: "Load the rows" })}${fence(CHECK, {
    verify: true,
    required: true,
    title: "The rows are there",
  })}${link("skip", "Next")}`,
  "skip.md": `# Skipping\n\n${fence("exit 3", {
    verify: true,
    required: true,
    skippable: true,
    title: "Never",
  })}${fence("echo 0 rows", {
    title: "Count",
    expect: "^12 rows$",
    hint: "Load them first",
  })}${link("end", "On")}${link("intro", "Back")}`,
  "end.md": `# The end\n\n${fence("echo wrong", {
    required: true,
    maxInvocations: 1,
    expect: "^right$",
    hint: "Try right",
  })}${link("beyond", "Beyond")}`,
  "beyond.md": "# Beyond\n",
};

describe("a step that checks itself", () => {
  const suite = new Suite();
  /** @type {House} */
  let house;
  /** @type {string} */
  let folder;
  /** @type {string} */
  let shell;

  before(async () => {
    shell = await writeBash(suite.path);
    folder = await suite.write("checks", SCENARIO);
    house = await suite.serve(folder, { shell });
  });

  beforeEach(() => rm(join(folder, "rows"), { force: true }));

  /**
   * In a lab that was just begun.
   * @param {(lab: LabView, context: BrowserContext) => Promise<void>} use
   */
  const inLab = (use) =>
    suite.inLab(house, async (lab, context) => {
      await lab.page.getByRole("button", { name: "Start the lab over" }).click();
      await lab.page.getByRole("button", { name: "Start over", exact: true }).click();
      await lab.showsStep("intro");
      await lab.page.locator("#announcer", { hasText: "started over" }).waitFor();
      await use(lab, context);
    });

  /** @param {LabView} lab @param {number} block */
  const check = (lab, block) =>
    lab.card(block).getByRole("button", { name: /^Check:/ }).click();

  /** @param {LabView} lab @param {string} words */
  const spoken = (lab, words) => lab.page.locator("#announcer", { hasText: words }).waitFor();

  test("fails with a hint, then passes and opens the way", () =>
    inLab(async (lab) => {
      const next = lab.content.getByRole("link", { name: "Next" });
      assert.equal(await next.getAttribute("aria-disabled"), "true");
      await lab.content.getByText("The next step opens when The rows are there is done.").waitFor();
      await next.focus();
      await lab.page.keyboard.press("Enter");
      await lab.content.locator(".note-link").waitFor();
      assert.equal(lab.step, "intro");

      await check(lab, 1);
      await lab.marked(1, "failed");
      const said = await lab.card(1).locator(".check-result").innerText();
      assert.match(said, /There are no rows\.\s+Load them with the block above\./);
      await spoken(lab, "The rows are there: failed. There are no `rows`.");
      await lab.card(1).getByText("What it wrote").click();
      await lab.card(1).getByText("looked for rows", { exact: false }).first().waitFor();

      await lab.run(0);
      await lab.marked(0, "done");
      await check(lab, 1);
      await lab.marked(1, "done");
      await spoken(lab, "The rows are there: passed.");
      await until("an open way", async () => (await next.getAttribute("aria-disabled")) === null);
      await lab.page.reload();
      await lab.ready();
      await lab.marked(1, "done");
      await lab.follow(next, "skip");
    }));

  test("is skipped where its author allows it, and says so in the list of steps", () =>
    inLab(async (lab) => {
      await writeFile(join(folder, "rows"), "");
      await check(lab, 1);
      await lab.marked(1, "done");
      await lab.follow(lab.content.getByRole("link", { name: "Next" }), "skip");
      await check(lab, 0);
      await lab.marked(0, "failed");
      await lab.card(0).getByRole("button", { name: "Skip this check" }).click();
      const on = lab.content.getByRole("link", { name: "On" });
      await until("an open way", async () => (await on.getAttribute("aria-disabled")) === null);
      await lab.card(0).getByText("skipped").first().waitFor();
      await lab.follow(on, "end");
      await lab.page.locator("#step-menu").click();
      const item = (/** @type {string} */ step) => lab.page.locator(`[data-step="${step}"]`);
      await item("intro").getByText("1 of 1 check").waitFor();
      await item("skip").getByText("0 of 1 check").waitFor();
      const saving = lab.page.waitForEvent("download");
      await lab.page.getByRole("link", { name: "Save the progress" }).click();
      const saved = JSON.parse(await readFile(await (await saving).path(), "utf8"));
      assert.deepEqual(
        saved.steps.map((/** @type {{ step: string }} */ { step }) => step),
        ["intro", "skip", "end"],
      );
    }));

  test("tells of a block whose output is not what is expected", () =>
    inLab(async (lab) => {
      await writeFile(join(folder, "rows"), "");
      await check(lab, 1);
      await lab.marked(1, "done");
      await lab.follow(lab.content.getByRole("link", { name: "Next" }), "skip");
      await lab.run(1);
      await lab.marked(1, "failed");
      assert.match(await lab.card(1).locator(".block-outcome").innerText(), /^failed · /);
      const said = await lab.card(1).locator(".block-verdict").innerText();
      assert.match(said, /Its output does not match\.\s+Load them first\./);
    }));

  test("says what to do where a block that it requires may not run again", () =>
    inLab(async (lab) => {
      await writeFile(join(folder, "rows"), "");
      await check(lab, 1);
      await lab.marked(1, "done");
      await lab.follow(lab.content.getByRole("link", { name: "Next" }), "skip");
      await lab.card(0).getByRole("button", { name: "Skip this check" }).click();
      const on = lab.content.getByRole("link", { name: "On" });
      await until("an open way", async () => (await on.getAttribute("aria-disabled")) === null);
      await lab.follow(on, "end");
      await lab.run(0);
      await lab.marked(0, "exhausted");
      assert.match(await lab.card(0).locator(".block-verdict").innerText(), /Try right/);
      const stuck = await lab.card(0).locator(".block-stuck").innerText();
      assert.match(stuck, /once only.*\s+The step requires it: start the lab over/);
    }));

  test("never locks the way back, also to who came by a deep link", async () => {
    const own = await House.open(folder, { shell, home: suite.path });
    const context = await profile(suite.browser);
    try {
      // Lets in without a page, which would begin the lab at its first step.
      await context.request.get(own.url.href);
      const lab = await LabView.open(context, `${own.origin}/labs/checks/?step=skip`);
      await lab.showsStep("skip");
      const link = (/** @type {string} */ name) => lab.content.getByRole("link", { name });
      await until("a locked way", async () => (await link("On").getAttribute("data-locked")) !== null);
      assert.equal(await link("Back").getAttribute("aria-disabled"), null);
      await lab.page.locator("#step-menu").click();
      const item = (/** @type {string} */ step) => lab.page.locator(`[data-step="${step}"]`);
      assert.equal(await item("end").getAttribute("aria-disabled"), "true");
      assert.equal(await item("intro").getAttribute("aria-disabled"), null);
      await lab.page.keyboard.press("Escape");
      await lab.follow(link("Back"), "intro");
    } finally {
      await context.close();
      await own.stop();
    }
  });

  test("is seen by viewers, who are held by nothing and run nothing", () =>
    inLab(async (lab) => {
      await lab.page.locator(".share-button").click();
      const panel = lab.page.locator("#share");
      await panel.getByRole("button", { name: "Make a watch link" }).click();
      const field = panel.locator("[data-role=viewer] .field");
      const address = await until("a link", async () => await field.inputValue());
      const context = await profile(suite.browser);
      const viewer = await LabView.open(context, address);
      await lab.page.keyboard.press("Escape");
      await check(lab, 1);
      await viewer.marked(1, "failed");
      assert.equal(
        await viewer.content.getByRole("link", { name: "Next" }).getAttribute("aria-disabled"),
        null,
      );
      const button = viewer.card(1).getByRole("button", { name: /^Check:/ });
      assert.equal(await button.getAttribute("aria-disabled"), "true");
      await button.focus();
      await viewer.page.keyboard.press("Enter");
      await viewer.card(1).getByText("You are watching this lab").waitFor();
      await context.close();
    }));

  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    test(`has no faults that axe finds, in ${colorScheme}`, () =>
      inLab(async (lab) => {
        await lab.page.emulateMedia({ colorScheme });
        await check(lab, 1);
        await lab.marked(1, "failed");
        await lab.card(1).getByText("What it wrote").click();
        assert.deepEqual(await breaches(lab.page), []);
        await writeFile(join(folder, "rows"), "");
        await check(lab, 1);
        await lab.marked(1, "done");
        assert.deepEqual(await breaches(lab.page), []);
      }));
  }
});
