// @ts-check
/** Before a lab runs anything by itself, its driver reads what it is, and says yes or not now. */

import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { before, beforeEach, describe, test } from "node:test";
import { breaches } from "./axe.mjs";
import { fence, LabView, profile, until, writeFiles, writeShell } from "./house.mjs";
import { Suite } from "./suite.mjs";

/** @import { BrowserContextOptions } from "playwright-core" */
/** @import { House } from "./house.mjs" */

const CONFIG = {
  layout: { terminals: [{ id: "host", name: "console" }] },
  navigation: {
    onLoadCommands: {
      intro: { host: [{ command: "bash start.sh" }] },
      step1: { host: [{ command: "echo second-\u202e$((1+1))", maxInvocations: "unlimited" }] },
    },
  },
};
const FILES = {
  ".katapod_config.json": JSON.stringify(CONFIG, null, 1),
  "intro.md": `# A lab

${fence("echo clicked-$((1+1))")}[Next](command:katapod.loadPage?step1)
`,
  "step1.md": "# The first step\n\n[Back](command:katapod.loadPage?intro)\n",
  "start.sh": "echo started-$((1+1))\n",
};

describe("trust", () => {
  const suite = new Suite();
  /** @type {string} */
  let folder;
  /** @type {string} */
  let home;
  /** @type {string} */
  let shell;

  before(async () => {
    folder = join(suite.path, "lab");
    home = join(suite.path, "home");
    shell = await writeShell(suite.path);
  });

  // Each test is a user who has seen nothing yet.
  beforeEach(async () => {
    await rm(home, { recursive: true, force: true });
    await mkdir(home);
    await writeFiles(folder, FILES);
  });

  /**
   * @param {(lab: LabView, house: House) => Promise<void>} use
   * @param {BrowserContextOptions} [options]
   */
  const inLab = (use, options) =>
    suite.inOwnLab(folder, { shell, home, trust: false }, use, options);

  /** @param {LabView} lab */
  const question = (lab) =>
    lab.page.getByRole("dialog", { name: "Let this lab run commands by itself?" });

  /** @param {LabView} lab */
  const note = (lab) => lab.page.getByRole("region", { name: "Commands that wait" });

  test("lists what would run, and runs it after the yes and not before", () =>
    inLab(async (lab) => {
      const dialog = question(lab);
      await dialog.waitFor();
      const items = dialog.locator(".trust-item");
      assert.deepEqual(await items.locator(".trust-head").allInnerTexts(), [
        "When intro is opened, in console\n.katapod_config.json:15",
        "When step1 is opened, in console\n.katapod_config.json:22",
      ]);
      // What would hide a part of the text from its reader is written out.
      assert.deepEqual(await items.locator(".trust-text").allInnerTexts(), [
        "bash start.sh",
        "echo second-\\u{202e}$((1+1))",
      ]);
      assert.deepEqual(await dialog.locator(".trust-names li").allInnerTexts(), ["start.sh"]);
      // Keys scroll the list; none of them says yes by mistake.
      const list = dialog.getByRole("region", { name: "What the lab would run" });
      await until("the focus", () => list.evaluate((element) => element.matches(":focus")));
      await lab.page.keyboard.press("Enter");
      assert.equal(await dialog.isVisible(), true);
      const terminal = lab.terminal("console");
      await terminal.prompts();
      assert.doesNotMatch(await terminal.text(), /start/);
      await dialog.getByRole("button", { name: "Let them run" }).click();
      await dialog.waitFor({ state: "hidden" });
      await terminal.shows("started-2");
      assert.equal(await note(lab).isVisible(), false);
    }));

  test("is put off with Escape, clicks work meanwhile, and is offered again", () =>
    inLab(async (lab) => {
      const dialog = question(lab);
      await dialog.waitFor();
      await lab.page.keyboard.press("Escape");
      await dialog.waitFor({ state: "hidden" });
      await note(lab).waitFor();
      await lab.run(0);
      const terminal = lab.terminal("console");
      await terminal.shows("clicked-2");
      await lab.follow(lab.content.getByRole("link", { name: "Next" }), "step1");
      await note(lab).waitFor();
      assert.equal(await dialog.isVisible(), false);
      assert.doesNotMatch(await terminal.text(), /started|second/);
      await note(lab).getByRole("button", { name: "Show them" }).click();
      await dialog.getByRole("button", { name: "Not now" }).click();
      await dialog.waitFor({ state: "hidden" });
      await note(lab).getByRole("button", { name: "Show them" }).click();
      await dialog.getByRole("button", { name: "Let them run" }).click();
      // The step that is shown goes on as if it had just been loaded.
      await terminal.shows(/second-\S*2/);
      await note(lab).waitFor({ state: "hidden" });
      assert.doesNotMatch(await terminal.text(), /started/);
    }));

  test("is asked once: not after a reload or the next start, and again after a change", async () => {
    await inLab(async (lab) => {
      await question(lab).getByRole("button", { name: "Let them run" }).click();
      await lab.terminal("console").shows("started-2");
      await lab.page.reload();
      await lab.ready();
      assert.equal(await question(lab).isVisible(), false);
      assert.equal(await note(lab).isVisible(), false);
    });
    await writeFiles(folder, { "intro.md": `${FILES["intro.md"]}\nMore words.\n` });
    await inLab(async (lab) => {
      await lab.terminal("console").shows("started-2");
      assert.equal(await question(lab).isVisible(), false);
      await writeFiles(folder, { "start.sh": "echo changed-$((1+1))\n" });
      await lab.page.getByRole("button", { name: "Start the lab over" }).click();
      await lab.page.locator("#start-over").getByRole("button", { name: "Start over" }).click();
      await question(lab).waitFor();
      await question(lab).getByRole("button", { name: "Let them run" }).click();
      await lab.terminal("console").shows("changed-2");
    });
  });

  test("shows what has changed when the yes comes too late", () =>
    inLab(async (lab) => {
      const dialog = question(lab);
      await dialog.waitFor();
      await writeFiles(folder, { "start.sh": "echo other-$((1+1))\n" });
      await dialog.getByRole("button", { name: "Let them run" }).click();
      await dialog.getByRole("alert").getByText("The lab has changed").waitFor();
      await dialog.getByRole("button", { name: "Let them run" }).click();
      await lab.terminal("console").shows("other-2");
      await dialog.waitFor({ state: "hidden" });
    }));

  test("is nothing for those who watch", () =>
    inLab(async (lab, house) => {
      await question(lab).getByRole("button", { name: "Not now" }).click();
      await lab.page.locator(".share-button").click();
      await lab.page.getByRole("button", { name: "Make a watch link" }).click();
      const field = lab.page.getByRole("textbox", { name: "Address of the Watch link" });
      const context = await profile(suite.browser);
      try {
        const address = new URL(await field.inputValue());
        const viewer = await LabView.open(context, new URL(address, house.url));
        assert.equal(await question(viewer).isVisible(), false);
        assert.equal(await note(viewer).isVisible(), false);
        assert.deepEqual(viewer.problems, []);
      } finally {
        await context.close();
      }
    }));

  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const width of [1440, 390]) {
      test(`axe finds nothing in ${colorScheme} at ${width} pixels, and all fits`, () =>
        inLab(
          async (lab) => {
            const dialog = question(lab);
            await dialog.waitFor();
            assert.deepEqual(await breaches(lab.page), []);
            const box = await dialog.boundingBox();
            assert.ok(box && box.x >= 0 && box.x + box.width <= width, JSON.stringify(box));
            const overflow = await dialog.evaluate((one) => one.scrollWidth - one.clientWidth);
            assert.equal(overflow, 0);
            await dialog.getByRole("button", { name: "Not now" }).click();
            await note(lab).waitFor();
            assert.deepEqual(await breaches(lab.page), []);
          },
          { colorScheme, reducedMotion: "reduce", viewport: { width, height: 844 } },
        ));
    }
  }
});
