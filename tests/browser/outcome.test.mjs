// @ts-check
// What blocks say of their runs, in a real bash with settings of its own.

import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { House, LabView, launch, profile, temporaryFolder, writeFiles } from "./house.mjs";

/** A code block. */
const fence = (/** @type {string} */ text) => `\`\`\`\n${text}\n\`\`\`\n\n`;

const SCENARIO = {
  ".katapod_config.json": JSON.stringify({ layout: { terminals: [{ id: "host" }] } }),
  "intro.md": `# Outcomes\n\n${["true", "sh -c 'exit 7'", "sleep 60", "cat"].map(fence).join("")}`,
};

describe("a block", () => {
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
    const folder = join(path, "outcome");
    await writeFiles(folder, SCENARIO);
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

  /** @param {LabView} lab @param {number} block */
  const status = (lab, block) => lab.card(block).locator(".block-outcome").innerText();

  test("says that it is done, or failed and with which code", () =>
    inLab(async (lab) => {
      await lab.run(0);
      await lab.marked(0, "done");
      assert.match(await status(lab, 0), /^done · \d+\.\d s$/);
      await lab.run(1);
      await lab.marked(1, "failed");
      assert.match(await status(lab, 1), /^failed \(7\) · \d+\.\d s$/);
      const spoken = lab.page.locator("#announcer");
      await spoken.getByText("A block in host failed with exit code 7.").waitFor();
    }));

  test("says that it runs, after a reload too, and can be interrupted", () =>
    inLab(async (lab) => {
      await lab.run(2);
      await lab.marked(2, "running");
      await lab.card(2).getByText(/running · [1-9]/).waitFor();
      await lab.page.reload();
      await lab.ready();
      await lab.marked(2, "running");
      await lab.card(2).getByRole("button", { name: "Interrupt" }).click();
      await lab.marked(2, "failed");
      assert.match(await status(lab, 2), /^failed \(130\)/);
    }));

  test("shows nothing of the shell's marks in the terminal", () =>
    inLab(async (lab) => {
      await lab.page.waitForTimeout(300);
      const text = await lab.terminal("host").text();
      assert.doesNotMatch(text, /133|aid/);
    }));
});
