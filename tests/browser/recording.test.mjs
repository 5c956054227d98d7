// @ts-check
// A block that fails on stage is answered from its recording: by its button, by a key, and from
// the phone.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { promisify } from "node:util";
import { fence, root, terminals, writeBash } from "./house.mjs";
import { Suite } from "./suite.mjs";

/** @import { BrowserContext } from "playwright-core" */
/** @import { House, LabView } from "./house.mjs" */

const TITLE = '### {"title": "Look up the answer to everything"}\n';
const BLOCKS = [
  `${TITLE}test ! -e /tmp/no-such-file-here && cat answer`,
  "echo not-recorded",
];

describe("a recording", () => {
  const suite = new Suite();
  /** @type {House} */
  let house;

  before(async () => {
    const shell = await writeBash(suite.path);
    const folder = await suite.write("stage", {
      ".katapod_config.json": terminals("host"),
      "intro.md": `# On stage\n\n${fence(BLOCKS[0] ?? "")}`,
      answer: "forty-two\n",
    });
    // Rehearse, and then break what was rehearsed.
    const program = join(root, "target/debug/katahost");
    await promisify(execFile)(program, ["test", folder, "--record", "--shell", shell]);
    await suite.write("stage", {
      "intro.md": `# On stage\n\n${BLOCKS.map((text) => fence(text)).join("")}`,
    });
    await rm(join(folder, "answer"));
    house = await suite.serve(folder, { shell });
  });

  /** @param {(lab: LabView, context: BrowserContext) => Promise<void>} use */
  const inLab = (use) => suite.inLab(house, use);

  test("is offered where a block failed, and played in its terminal", () =>
    inLab(async (lab) => {
      const button = lab.card(0).getByRole("button", { name: "Show the recording" });
      assert.equal(await button.isVisible(), false, "nothing has failed");
      await lab.run(0);
      await lab.marked(0, "failed");
      await button.click();
      await lab.marked(0, "recorded");
      await lab.terminal("host").shows("■ end of recording");
      assert.match(await lab.terminal("host").text(), /▶ recording of intro[^]*forty-two/);
      await lab.card(0).locator(".block-outcome").getByText("recorded").waitFor();
      await lab.run(1);
      await lab.marked(1, "done");
      const none = lab.card(1).getByRole("button", { name: "Show the recording" });
      assert.equal(await none.isVisible(), false, "it was not recorded");
    }));

  test("leaves a failed block's title and state a line each on a phone", () =>
    inLab(async (lab) => {
      await lab.run(0);
      await lab.marked(0, "failed");
      await lab.page.setViewportSize({ width: 390, height: 780 });
      const steps = lab.page.locator("#tabs").getByRole("button", { name: "Steps", exact: true });
      await steps.click();
      const box = async (/** @type {string} */ part) => {
        const found = await lab.card(0).locator(part).boundingBox();
        return found ?? assert.fail(`${part} is not shown`);
      };
      const [title, run, state, film] = [
        await box(".block-title"),
        await box(".block-run"),
        await box(".block-outcome"),
        await box(".block-recording"),
      ];
      assert.ok(title.y + title.height <= run.y, "the title is above");
      assert.ok(state.height < 24, `the state is ${state.height} px high`);
      const middle = (/** @type {typeof run} */ { y, height }) => y + height / 2;
      for (const other of [state, film]) {
        assert.ok(Math.abs(middle(other) - middle(run)) < 4, "all in a row");
      }
    }));

  test("is played by a key, also from within a terminal", () =>
    inLab(async (lab) => {
      await lab.run(0);
      await lab.marked(0, "failed");
      await lab.terminal("host").focus();
      await lab.page.keyboard.press("Control+Shift+Space");
      await lab.marked(0, "recorded");
    }));

  test("is one press away on the phone", () =>
    inLab(async (lab, context) => {
      await lab.run(0);
      await lab.marked(0, "failed");
      await lab.page.locator(".share-button").click();
      const panel = lab.page.locator("#share");
      await panel.getByRole("button", { name: "Make a remote link" }).click();
      const address = await panel.locator("[data-role=remote] .field").last().inputValue();
      const phone = await context.newPage();
      await phone.setViewportSize({ width: 390, height: 780 });
      await phone.goto(address);
      await phone.getByRole("button", { name: "Show the recording" }).click();
      await phone.locator(".remote-result").getByText("The recording, in host").waitFor();
      await lab.marked(0, "recorded");
      if (process.env.KATAHOST_PICTURES) {
        await phone.screenshot({ path: join(process.env.KATAHOST_PICTURES, "phone.png") });
        await lab.page.keyboard.press("Escape");
        await lab.page.screenshot({ path: join(process.env.KATAHOST_PICTURES, "wide.png") });
        await lab.page.emulateMedia({ colorScheme: "dark" });
        await lab.page.screenshot({ path: join(process.env.KATAHOST_PICTURES, "dark.png") });
      }
    }));
});
