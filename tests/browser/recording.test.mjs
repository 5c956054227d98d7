// @ts-check
// A block that fails on stage is answered from its recording: by its button, by a key, and from
// the phone.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { House, LabView, launch, profile, root, temporaryFolder, writeFiles } from "./house.mjs";

/** A code block. */
const fence = (/** @type {string} */ text) => `\`\`\`\n${text}\n\`\`\`\n\n`;

const BLOCKS = ["test ! -e /tmp/no-such-file-here && cat answer", "echo not-recorded"];

describe("a recording", () => {
  const temp = temporaryFolder();
  /** @type {import("playwright-core").Browser} */
  let browser;
  /** @type {House} */
  let house;

  before(async () => {
    const { path } = await temp;
    // Shells are known by their names.
    const shell = join(path, "bash");
    await writeFile(join(path, ".bashrc"), "PS1='$ '\nunset HISTFILE\n");
    await writeFile(shell, `#!/bin/sh\nHOME='${path}' exec /bin/bash "$@"\n`);
    await chmod(shell, 0o755);
    const folder = join(path, "stage");
    await writeFiles(folder, {
      ".katapod_config.json": JSON.stringify({ layout: { terminals: [{ id: "host" }] } }),
      "intro.md": `# On stage\n\n${fence(BLOCKS[0] ?? "")}`,
      answer: "forty-two\n",
    });
    // Rehearse, and then break what was rehearsed.
    const program = join(root, "target/debug/katahost");
    await promisify(execFile)(program, ["test", folder, "--record", "--shell", shell]);
    await writeFiles(folder, {
      "intro.md": `# On stage\n\n${BLOCKS.map(fence).join("")}`,
    });
    await rm(join(folder, "answer"));
    house = await House.open(folder, { shell, home: path });
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await house?.stop();
    await (await temp).remove();
  });

  /** @param {(lab: LabView, context: import("playwright-core").BrowserContext) => Promise<void>} use */
  async function inLab(use) {
    const context = await profile(browser);
    try {
      const lab = await LabView.open(context, house.url);
      await use(lab, context);
      assert.deepEqual(lab.problems, []);
    } finally {
      await context.close();
    }
  }

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
