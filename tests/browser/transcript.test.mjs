// @ts-check
// From a block to its output and back, the output as text, and what one takes away.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, describe, test } from "node:test";
import { breaches } from "./axe.mjs";
import { fence, LabView, profile, terminals, until, writeBash } from "./house.mjs";
import { Suite } from "./suite.mjs";

/** @import { BrowserContext, BrowserContextOptions } from "playwright-core" */
/** @import { House } from "./house.mjs" */

const BLOCKS = [
  "printf '\\e[32mfirst\\e[0m %s\\n' output; printf 'working 1\\rworking 2\\n'",
  "seq 1000 1199",
  "### api\necho from-the-api",
  "seq 20000 45000",
];

const SCENARIO = {
  ".katapod_config.json": terminals("host", "api"),
  "intro.md": `# Outputs\n\n${BLOCKS.map((text) => fence(text)).join("")}`,
};

describe("a block's output", () => {
  const suite = new Suite();
  /** @type {House} */
  let house;

  before(async () => {
    const shell = await writeBash(suite.path);
    house = await suite.serve(await suite.write("outputs", SCENARIO), { shell });
  });

  /**
   * @param {(lab: LabView, context: BrowserContext) => Promise<void>} use
   * @param {BrowserContextOptions} [options]
   */
  const inLab = (use, options = {}) => {
    const permissions = ["clipboard-read", "clipboard-write"];
    return suite.inLab(house, use, { acceptDownloads: true, permissions, ...options });
  };

  /** @param {LabView} lab @param {number} block */
  async function done(lab, block) {
    await lab.run(block);
    await lab.marked(block, "done");
  }

  /** @param {LabView} lab @param {number} block */
  async function copied(lab, block) {
    await lab.page.evaluate(() => navigator.clipboard.writeText("nothing yet"));
    await lab.card(block).getByRole("button", { name: "Copy output" }).click();
    return await clipboard(lab);
  }

  /** @param {LabView} lab */
  const clipboard = (lab) =>
    until("a copy", async () => {
      const text = await lab.page.evaluate(() => navigator.clipboard.readText());
      return text === "nothing yet" ? "" : text;
    });

  /** @param {LabView} lab @param {number} block */
  const show = (lab, block) => lab.card(block).getByRole("button", { name: /^Show output/ });

  test("is shown in its terminal, and a key leads back", () =>
    inLab(async (lab) => {
      assert.equal(await show(lab, 0).isVisible(), false, "before it has run");
      await done(lab, 0);
      await done(lab, 1);
      const host = lab.terminal("host");
      await host.shows("1199");
      assert.doesNotMatch(await host.text(), /first output/);
      await show(lab, 0).click();
      await host.shows("first output");
      await host.pane.locator(".output-mark").waitFor({ state: "attached" });
      const back = host.pane.getByRole("button", { name: /^Back to block/ });
      await until("the focus", () => back.evaluate((button) => button === document.activeElement));
      await lab.page.locator("#announcer").getByText("Escape goes back").waitFor();
      await lab.page.keyboard.press("Escape");
      await back.waitFor({ state: "hidden" });
      const focused = () => show(lab, 0).evaluate((one) => one.matches(":focus"));
      await until("the block's focus", focused);
      await show(lab, 1).click();
      await host.shows(/^1000$/m);
      // Shift and Escape leave the terminal, for the block that one came from.
      await host.press("Shift+Escape");
      await until("the other block's focus", () =>
        show(lab, 1).evaluate((one) => one.matches(":focus")),
      );
    }));

  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    test(`breaches no rule of WCAG where it is shown, in ${colorScheme}`, () =>
      inLab(
        async (lab) => {
          await done(lab, 0);
          await show(lab, 0).click();
          await lab.terminal("host").pane.getByText("Back to block").waitFor();
          await lab.page.getByRole("button", { name: "Settings and more" }).click();
          assert.deepEqual(await breaches(lab.page), []);
        },
        { colorScheme, reducedMotion: "reduce" },
      ));
  }

  test("is copied as a person saw it, after a reload and in another size, too", () =>
    inLab(async (lab) => {
      await done(lab, 0);
      await done(lab, 1);
      await done(lab, 2);
      const first = "first output\nworking 2";
      assert.equal(await copied(lab, 0), first);
      assert.equal(await copied(lab, 2), "from-the-api");
      await lab.page.reload();
      await lab.ready();
      assert.equal(await copied(lab, 0), first);
      const many = await copied(lab, 1);
      assert.equal(many.split("\n").length, 200);
      await show(lab, 0).click();
      await lab.terminal("host").shows("first output");
      await lab.page.setViewportSize({ width: 1000, height: 700 });
      await until("a narrower terminal", async () => (await copied(lab, 0)) === first);
    }));

  test("is there for who watches, as long as the terminal has it", () =>
    inLab(async (lab) => {
      await done(lab, 0);
      await lab.page.locator(".share-button").click();
      const panel = lab.page.locator("#share");
      await panel.getByRole("button", { name: "Make a watch link" }).click();
      const link = await panel.locator("[data-role=viewer] .field").last().inputValue();
      await lab.page.keyboard.press("Escape");
      const context = await profile(suite.browser);
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      const viewer = await LabView.open(context, link);
      assert.equal(await copied(viewer, 0), "first output\nworking 2");
      await show(viewer, 0).click();
      const host = viewer.terminal("host");
      await host.pane.getByRole("button", { name: /^Back to block/ }).click();
      const away = viewer.page.getByRole("link", { name: "Download transcript" });
      assert.equal(await away.count(), 0);
      await done(lab, 3);
      await host.shows("45000");
      await show(viewer, 0).click();
      await viewer.card(0).getByText("This output is no longer in the terminal.").waitFor();
      assert.deepEqual(viewer.problems, []);
      await context.close();
    }));

  test("is read from the recording once the terminal has it no more", () =>
    inLab(async (lab) => {
      await done(lab, 0);
      await done(lab, 3);
      await lab.terminal("host").shows("45000");
      assert.equal(await copied(lab, 0), "first output\nworking 2");
      await show(lab, 0).click();
      const dialog = lab.page.getByRole("dialog", { name: "Output of a block in host" });
      await dialog.getByText("first output").waitFor();
      await dialog.getByRole("button", { name: "Close" }).click();
    }));

  test("can be taken away with all that was run", () =>
    inLab(async (lab) => {
      await done(lab, 0);
      const page = lab.page;
      const download = page.waitForEvent("download");
      await page.getByRole("link", { name: "Download transcript" }).click();
      const archive = await download;
      assert.equal(archive.suggestedFilename(), "outputs-transcript.zip");
      assert.equal((await readFile(await archive.path())).subarray(0, 2).toString(), "PK");
      await page.getByRole("button", { name: "Settings and more" }).click();
      const second = page.waitForEvent("download");
      await page.getByRole("link", { name: "Markdown" }).click();
      const markdown = await readFile(await (await second).path(), "utf8");
      assert.match(markdown, /^# Outputs\n/);
      assert.match(markdown, /```text\nfirst output\nworking 2\n```/);
    }));

  test("is a tab away in a narrow window", () =>
    inLab(
      async (lab) => {
        await done(lab, 0);
        const steps = lab.page.locator("#tabs").getByRole("button", { name: "Steps" });
        await steps.click();
        await show(lab, 0).click();
        const host = lab.terminal("host");
        await host.shows("first output");
        await host.pane.getByRole("button", { name: "Copy output" }).click();
        assert.match(await clipboard(lab), /^first output/);
        await host.pane.getByRole("button", { name: /^Back to block/ }).click();
        await until("the block", () => lab.card(0).isVisible());
      },
      { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
    ));
});
