// @ts-check
// What blocks say of their runs, in a real bash with settings of its own.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { fence, terminals, writeBash } from "./house.mjs";
import { Suite } from "./suite.mjs";

/** @import { BrowserContext } from "playwright-core" */
/** @import { House, LabView } from "./house.mjs" */

const SCENARIO = {
  ".katapod_config.json": terminals("host"),
  "intro.md": `# Outcomes\n\n${["true", "sh -c 'exit 7'", "sleep 60", "cat"].map((text) => fence(text)).join("")}`,
};

describe("a block", () => {
  const suite = new Suite();
  /** @type {House} */
  let house;

  before(async () => {
    const shell = await writeBash(suite.path);
    house = await suite.serve(await suite.write("outcome", SCENARIO), { shell });
  });

  /** @param {(lab: LabView, context: BrowserContext) => Promise<void>} use */
  const inLab = (use) => suite.inLab(house, use);

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
