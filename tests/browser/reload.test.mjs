// @ts-check
/** What an author saves appears at once, in place: who reads, scrolls and types is not disturbed. */

import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, beforeEach, describe, test } from "node:test";
import { fence, terminals, until, writeBash, writeFiles, writeShell } from "./house.mjs";
import { Suite } from "./suite.mjs";

/** @import { LabView } from "./house.mjs" */

const lines = Array.from({ length: 60 }, (_, index) => `Paragraph ${index} of a long page.\n`);

/** @param {string} top @param {string} block */
const page = (top, block = "echo one") => `# A lab

${top}

<details><summary>More to read</summary>

Folded text.

</details>

![A picture](images/a.svg)

${lines.slice(0, 30).join("\n")}

${fence(block)}[Next](command:katapod.loadPage?step1)

${lines.slice(30).join("\n")}
`;

/** @param {number} width */
const picture = (width) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="20"><rect width="9" height="9"/></svg>`;

const LAB = {
  ".katapod_config.json": JSON.stringify({
    layout: { terminals: [{ id: "host" }] },
    navigation: { onLoadCommands: { intro: { host: [{ command: "echo loaded >> loads" }] } } },
  }),
  "intro.md": page("Old text."),
  "step1.md": "# The first step\n",
  "images/a.svg": picture(40),
};

describe("saving", () => {
  const suite = new Suite();
  /** @type {string} */
  let folder;
  /** @type {string} */
  let shell;

  before(async () => {
    folder = join(suite.path, "lab");
    shell = await writeShell(suite.path);
  });

  beforeEach(() => writeFiles(folder, LAB));

  /** Saves as an editor does: a new file takes the old one's place. */
  async function save(/** @type {string} */ name, /** @type {string} */ text) {
    const temporary = join(folder, `.${name.replace("/", "_")}.swp`);
    await writeFile(temporary, text);
    await rename(temporary, join(folder, name));
  }

  /**
   * @param {string[]} args
   * @param {(lab: LabView) => Promise<void>} use
   * @param {string} [own] another shell than the plain one
   */
  const inLab = (args, use, own = shell) =>
    suite.inOwnLab(folder, { shell: own, args: ["--watch", ...args] }, async (lab) => {
      await lab.terminal("host").prompts();
      await use(lab);
    });

  /** Where a text stands in the window. @param {LabView} lab @param {string} text */
  async function placeOf(lab, text) {
    const box = await lab.content.getByText(text, { exact: true }).boundingBox();
    return Math.round(box?.y ?? Number.NaN);
  }

  test("shows the page in place, with what was scrolled, opened, focused and run", () =>
    inLab([], async (lab) => {
      const { content } = lab;
      await content.getByText("More to read").click();
      await lab.run(0);
      await lab.terminal("host").shows("one");
      await lab.marked(0, "sent");
      await content.getByText("Paragraph 29 of a long page.").scrollIntoViewIfNeeded();
      await content.getByRole("link", { name: "Next" }).focus();
      await lab.terminal("host").type("half a word");
      await content.getByRole("link", { name: "Next" }).focus();
      const before = await placeOf(lab, "Paragraph 29 of a long page.");

      const longer = `${"New text that takes room. ".repeat(80)}\n\nAnd more.`;
      await save("intro.md", page(longer, "echo two"));
      await content.getByText("And more.").waitFor({ state: "attached" });
      const now = await placeOf(lab, "Paragraph 29 of a long page.");
      assert.ok(Math.abs(now - before) <= 2, `it moved from ${before} to ${now}`);
      assert.equal(await content.getByText("Folded text.").isVisible(), true);
      const next = content.getByRole("link", { name: "Next" });
      assert.equal(await next.evaluate((link) => link.matches(":focus")), true);
      await lab.marked(0, "sent");
      assert.match(await lab.terminal("host").text(), /half a word$/);

      // The on-load command did not run again, and the block is the saved one.
      await lab.terminal("host").press("Control+u");
      await lab.terminal("host").type("wc -l < loads\n");
      await lab.terminal("host").shows(/^1$/m);
      await lab.run(0);
      await lab.terminal("host").shows("two");
    }));

  test("finds again what was found, and the reader stays", () =>
    inLab([], async (lab) => {
      await lab.page.getByRole("button", { name: /^Find in this step/ }).click();
      const box = lab.page.getByRole("search", { name: "Find in this step" });
      await lab.page.keyboard.type("Paragraph");
      await box.getByText("1 of 60").waitFor();
      await lab.page.keyboard.press("Enter");
      await box.getByText("2 of 60").waitFor();
      await lab.content.getByText("Paragraph 50 of a long page.").scrollIntoViewIfNeeded();
      const before = await placeOf(lab, "Paragraph 50 of a long page.");
      await save("intro.md", page("Paragraph that is new."));
      await box.getByText("2 of 61").waitFor();
      // What scrolls to a match does so with the next frame.
      await lab.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done(null))));
      const now = await placeOf(lab, "Paragraph 50 of a long page.");
      assert.ok(Math.abs(now - before) <= 2, `it moved from ${before} to ${now}`);
      assert.equal(await lab.page.evaluate(() => CSS.highlights.get("find")?.size), 61);
    }));

  test("keeps the way back from a block's output", async () => {
    // Only a shell that is known by its name tells where a block's output begins.
    const bash = await writeBash(suite.path);
    const use = async (/** @type {LabView} */ lab) => {
      await save("intro.md", page("Before"));
      await lab.content.getByText("Before", { exact: true }).waitFor();
      await lab.run(0);
      await lab.marked(0, "done");
      await lab.card(0).getByRole("button", { name: /^Show output/ }).click();
      const back = lab.page.getByRole("button", { name: /^Back to block/ });
      await back.waitFor();
      await save("intro.md", page("After"));
      await lab.content.getByText("After", { exact: true }).waitFor();
      await lab.content.evaluate((content) => content.closest("#steps")?.scrollTo(0, 1e6));
      await back.click();
      const show = lab.card(0).getByRole("button", { name: /^Show output/ });
      await until("the focus", () => show.evaluate((button) => button.matches(":focus")));
      assert.ok(await lab.card(0).evaluate((card) => card.classList.contains("flash")));
    };
    await inLab([], use, bash);
  });

  test("shows a saved image, and one that was missing", () =>
    inLab([], async (lab) => {
      const image = lab.content.getByRole("img", { name: "A picture" });
      const width = () =>
        image.evaluate((one) => (one instanceof HTMLImageElement ? one.naturalWidth : 0));
      await until("the picture", async () => (await width()) === 40);
      await save("images/a.svg", picture(70));
      await until("the new picture", async () => (await width()) === 70);
      await save("intro.md", page("Also saved."));
      await lab.content.getByText("Also saved.").waitFor();
      await until("still the new picture", async () => (await width()) === 70);
      await save("intro.md", `${page("Another.")}\n\n![Late](images/late.svg)\n`);
      await lab.content.locator(".image-missing").waitFor();
      await save("images/late.svg", picture(30));
      await lab.content.locator("img[alt=Late]").waitFor();
    }));

  test("lists a step that was added", () =>
    inLab([], async (lab) => {
      await save("step2.md", "# The second step\n");
      await until("the step", async () => (await lab.steps()).includes("step2"));
      await lab.open("step2");
      await lab.content.getByText("The second step").waitFor();
    }));

  test("tells an author on the page what a save broke, and never shows a blank", () =>
    inLab(["--author"], async (lab) => {
      const panel = lab.page.locator("#page .problems");
      assert.equal(await panel.isVisible(), false);
      await save("intro.md", page("[Dead](command:katapod.loadPage?stpe1)"));
      await panel.getByText("stpe1").first().waitFor();
      await lab.content.getByText("Paragraph 3 of a long page.").waitFor({ state: "attached" });
      await save("intro.md", page("[Live](command:katapod.loadPage?step1)"));
      await panel.waitFor({ state: "hidden" });
      await save("intro.md", "x".repeat(5_000_000));
      await panel.getByText("4 MiB is the limit").waitFor();
      await lab.content.getByText("Paragraph 3 of a long page.").waitFor({ state: "attached" });
      await save("intro.md", page("Mended."));
      await lab.content.getByText("Mended.").waitFor();
      await panel.waitFor({ state: "hidden" });
    }));

  test("shows a saved config in place: terminals come and go, and what runs goes on", async () => {
    const bash = await writeBash(suite.path);
    const text = page("Old text.") + fence("echo second: $((40 + 2))", { terminalId: "second" });
    await writeFiles(folder, { "intro.md": text });
    /** @param {object[]} all */
    const config = (...all) =>
      save(".katapod_config.json", JSON.stringify({ layout: { terminals: all } }));
    const host = { id: "host", name: "The host" };
    const use = async (/** @type {LabView} */ lab) => {
      const region = (/** @type {string} */ name) => lab.terminal(name).pane;
      const panes = () => lab.page.locator(".pane-name").allInnerTexts();
      await lab.run(0);
      await lab.marked(0, "done");
      await region("host").evaluate((pane) => pane.setAttribute("data-kept", ""));
      await lab.terminal("host").type("sh -c 'read -r line; echo got $line'\nhalf");
      await lab.content.getByText("Paragraph 29 of a long page.").scrollIntoViewIfNeeded();
      const before = await placeOf(lab, "Paragraph 29 of a long page.");

      // The keyboard stays where it is, though its terminal is moved.
      for (const order of [
        [{ id: "second" }, host],
        [host, { id: "second" }],
      ]) {
        await config(...order);
        const names = order.map((one) => ("name" in one ? one.name : one.id));
        await until("the terminals", async () => `${await panes()}` === `${names}`, {
          seen: panes,
        });
        await lab.page.keyboard.type(" more");
      }
      await lab.page.keyboard.press("Enter");
      await lab.terminal("The host").shows("got half more more");
      assert.equal(await region("The host").getAttribute("data-kept"), "");
      const now = await placeOf(lab, "Paragraph 29 of a long page.");
      assert.ok(Math.abs(now - before) <= 2, `it moved from ${before} to ${now}`);
      await lab.marked(0, "done");
      const heights = await lab.page
        .locator(".pane")
        .evaluateAll((all) => all.map((one) => one.clientHeight));
      assert.ok(Math.abs((heights[0] ?? 0) - (heights[1] ?? 0)) <= 2, `${heights}`);

      await lab.terminal("second").prompts();
      await lab.run(1);
      await lab.terminal("second").shows("second: 42");
      await lab.marked(1, "done");

      await config(host);
      await region("second (removed)").waitFor();
      await lab.page.locator("#notices").getByText("No longer in the config: second").waitFor();
      await lab.terminal("second (removed)").type("exit\n");
      await region("second (removed)").waitFor({ state: "detached" });
      assert.deepEqual(await panes(), ["The host"]);
      // What it printed can still be read.
      await lab.card(1).getByRole("button", { name: /^Show output/ }).click();
      await lab.page.getByRole("dialog").getByText("second: 42").waitFor();
      await lab.page.keyboard.press("Escape");

      await save(".katapod_config.json", "{");
      const panel = lab.page.locator("#page .problems");
      await panel.getByText("the config is not valid JSON").waitFor({ state: "attached" });
      assert.deepEqual(await panes(), ["The host"]);
      await config(host);
      await panel.getByText("the config is not valid JSON").waitFor({ state: "detached" });
    };
    await inLab(["--author"], use, bash);
  });

  test("keeps the terminal that a narrow window shows", () =>
    inLab([], async (lab) => {
      await lab.page.setViewportSize({ width: 390, height: 844 });
      const tab = (/** @type {string} */ name) => lab.page.locator("#tabs").getByText(name);
      await tab("host").click();
      await save(".katapod_config.json", terminals("second", "host"));
      await tab("second").waitFor();
      await lab.terminal("host").pane.waitFor();
      await lab.page.keyboard.type("echo $((40 + 2))\n");
      await lab.terminal("host").shows(/^42$/m);
      assert.equal(await lab.terminal("second").pane.isVisible(), false);
      await tab("second").click();
      await lab.terminal("second").prompts();
      await lab.terminal("second").type("exit\n");
      await lab.terminal("second").shows("exit");
      await save(".katapod_config.json", terminals("host"));
      await tab("second").waitFor({ state: "detached" });
      await lab.content.getByText("Old text.").waitFor();
    }));
});
