// @ts-check
/** What helps a learner around the steps and the terminals: lists, finding, sizes, keys, text. */

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { LabView, pause, until, writeShell } from "./house.mjs";
import { Suite } from "./suite.mjs";

/** @import { BrowserContextOptions } from "playwright-core" */

const FENCE = "```";

const SCENARIO = {
  ".katapod_config.json": JSON.stringify({
    layout: { terminals: [{ id: "one" }, { id: "two", name: "second" }] },
  }),
  "intro.md": `# Welcome

Some words, and a **nee**dle in emphasis.

${FENCE}bash
echo "the needle of a block"
${FENCE}

<details><summary>Folded</summary>

A Needle that is folded away.

${FENCE}bash
### two
echo folded
${FENCE}

</details>

${Array.from({ length: 60 }, (_, n) => `Paragraph ${n} that makes the page long.`).join("\n\n")}

The last needle.
`,
  "step1.md": `# First things

<a href='command:katapod.sendText?[{"command":"echo once","maxInvocations":1,"codeBlockId":"x"}]'>Type it</a>

${FENCE}bash
### {"maxInvocations": 1}
echo limited
${FENCE}

Words to select.
`,
  "step2.md": `# Second things

<a href="#%zz">A place that is none</a>

![](https://example.org/a%zz.png)
`,
  "step10.md": "# Tenth things\n",
  "finish.md": "# The end\n",
};

describe("a learner", () => {
  const suite = new Suite();
  /** @type {string} */
  let shell;
  /** @type {string} */
  let folder;

  before(async () => {
    shell = await writeShell(suite.path);
    folder = await suite.write("learner", SCENARIO);
  });

  /**
   * @param {(lab: LabView) => Promise<void>} use
   * @param {BrowserContextOptions} [how]
   */
  const inLab = (use, how) => suite.inOwnLab(folder, { shell }, use, how);

  test("sees all steps in their order, with the current and the visited ones", () =>
    inLab(async (lab) => {
      assert.deepEqual(await lab.steps(), ["intro", "step1", "step2", "step10", "finish"]);
      await lab.open("step1");
      const menu = lab.page.locator("#step-menu");
      await menu.focus();
      await lab.page.keyboard.press("Enter");
      const focused = () =>
        lab.page.evaluate(() => document.activeElement?.getAttribute("data-step"));
      await until("the current step", async () => (await focused()) === "step1");
      const item = (/** @type {string} */ step) =>
        lab.page.locator(`#step-list [data-step="${step}"]`);
      assert.equal(await item("step1").getAttribute("aria-current"), "step");
      assert.match(await item("intro").innerText(), /Welcome/);
      assert.match(await item("finish").innerText(), /The end/);
      assert.match((await item("intro").textContent()) ?? "", /visited/);
      assert.equal(await item("step2").getAttribute("data-visited"), null);
      await lab.page.keyboard.press("ArrowDown");
      assert.equal(await focused(), "step2");
      await lab.page.keyboard.press("End");
      assert.equal(await focused(), "finish");
      await lab.page.keyboard.press("Escape");
      assert.equal(await item("intro").isVisible(), false);
      await menu.focus();
      await lab.page.keyboard.press("Enter");
      await until("the current step", async () => (await focused()) === "step1");
      await lab.page.keyboard.press("ArrowDown");
      await lab.page.keyboard.press("Enter");
      await lab.showsStep("step2");
      await lab.page.reload();
      await lab.ready();
      assert.equal(await lab.page.locator("#step-list [data-visited]").count(), 3);
      // Another run of the lab is another way through it.
      await lab.page.getByRole("button", { name: "Start the lab over" }).click();
      await lab.page.getByRole("button", { name: "Start over", exact: true }).click();
      await lab.showsStep("intro");
      await until(
        "a fresh list",
        async () => (await lab.page.locator("#step-list [data-visited]").count()) === 1,
      );
    }));

  test("finds words in the step, across emphasis, in blocks and in what is folded", () =>
    inLab(async (lab) => {
      await lab.page.getByRole("button", { name: /^Find in this step/ }).click();
      const box = lab.page.getByRole("search", { name: "Find in this step" });
      await lab.page.keyboard.type("needle");
      await box.getByText("1 of 4").waitFor();
      const marked = () => lab.page.evaluate(() => CSS.highlights.get("find")?.size);
      assert.equal(await marked(), 4);
      const current = () =>
        lab.page.evaluate(() => {
          const [range] = CSS.highlights.get("find-current") ?? [];
          return range instanceof Range ? range.getBoundingClientRect().top : -1;
        });
      const fold = lab.content.locator("details");
      assert.equal(await fold.getAttribute("open"), null);
      await lab.page.keyboard.press("Enter");
      await lab.page.keyboard.press("Enter");
      await box.getByText("3 of 4").waitFor();
      assert.equal(await fold.getAttribute("open"), "");
      await lab.page.keyboard.press("Enter");
      await box.getByText("4 of 4").waitFor();
      await until("the last match in view", async () => {
        const top = await current();
        return top > 60 && top < 880;
      });
      await lab.page.keyboard.press("Enter");
      await box.getByText("1 of 4").waitFor();
      await lab.page.keyboard.press("Shift+Enter");
      await box.getByText("4 of 4").waitFor();
      await lab.page.keyboard.type("xx");
      await box.getByText("none").waitFor();
      await lab.page.keyboard.press("Escape");
      assert.equal(await box.isVisible(), false);
      assert.equal(await marked(), 0);
      await lab.page.keyboard.press("Control+Shift+KeyF");
      await box.waitFor();
    }));

  test("copies without a clipboard of the browser's, and the focus stays", () =>
    inLab(async (lab) => {
      // As on a classroom's plain HTTP.
      await lab.page.evaluate(() => Object.defineProperty(navigator, "clipboard", {}));
      const copy = lab.card(0).getByRole("button", { name: "Copy", exact: true });
      await copy.focus();
      await lab.page.keyboard.press("Enter");
      await copy.locator(".icon-check").waitFor();
      assert.equal(await copy.evaluate((button) => button.matches(":focus")), true);
      // Pressed again meanwhile, it says so again, and then is as it was.
      await lab.page.keyboard.press("Enter");
      await copy.locator(".icon-copy").waitFor();
    }));

  test("is not stopped by addresses that their author encoded wrongly", () =>
    inLab(async (lab) => {
      await lab.open("step2");
      await lab.content.getByRole("img", { name: "image a%zz.png" }).waitFor();
      await lab.content.getByRole("link", { name: "A place that is none" }).click();
    }));

  test("comes from a terminal to the steps by keyboard where one of them is shown", () =>
    inLab(
      async (lab) => {
        const tab = (/** @type {string} */ name) =>
          lab.page.locator("#tabs").getByRole("button", { name });
        await tab("one").focus();
        await lab.page.keyboard.press("Enter");
        await lab.page.locator("#workspace.shows-terminal").waitFor();
        await tab("Steps").focus();
        await lab.page.keyboard.press("Enter");
        await lab.content.waitFor();
        assert.equal(await lab.page.evaluate(() => document.activeElement?.id), "steps");
      },
      { viewport: { width: 390, height: 844 } },
    ));

  test("chooses the size of text and the theme, and both are remembered", () =>
    inLab(async (lab) => {
      const size = () =>
        lab.content
          .locator("h1")
          .evaluate((one) => one.getBoundingClientRect().height);
      const one = lab.terminal("one");
      await one.prompts();
      const rowHeight = async () =>
        (await one.pane.locator(".xterm-rows > div").first().boundingBox())?.height ?? 0;
      const [before, row] = [await size(), await rowHeight()];
      await lab.page.getByRole("button", { name: "Settings and more" }).click();
      const larger = lab.page.getByRole("button", { name: "Larger text" });
      await larger.click();
      await larger.click();
      await lab.page.getByText("130 %").waitFor();
      assert.ok((await size()) > before * 1.2);
      await until("larger rows", async () => (await rowHeight()) > row * 1.2);
      await lab.page.getByRole("button", { name: "Dark", exact: true }).click();
      const background = () =>
        lab.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(await background(), "rgb(23, 27, 33)");
      // The program in the terminal learns that fewer lines fit.
      await lab.page.keyboard.press("Escape");
      await until("the program's own size", async () => {
        await one.type("clear; stty size\r");
        await pause(150);
        const drawn = await one.pane.locator(".xterm-rows > div").count();
        const told = /^(\d+) (\d+)$/m.exec(await one.text());
        return told && Number(told[1]) === drawn;
      });
      await lab.page.reload();
      await lab.ready();
      assert.ok((await size()) > before * 1.2);
      assert.equal(await background(), "rgb(23, 27, 33)");
    }));

  test("keeps a maximised terminal over a reload", () =>
    inLab(async (lab) => {
      await lab.page.getByRole("button", { name: "Maximise second" }).click();
      await lab.page.reload();
      await lab.ready();
      await lab.page.getByRole("button", { name: "Restore second" }).click();
      await lab.page.getByRole("button", { name: "Maximise second" }).waitFor();
    }));

  test("types Esc, Tab, Ctrl and arrows on a phone", () =>
    inLab(
      async (lab) => {
        const keys = lab.page.getByRole("region", { name: "Keys" });
        assert.equal(await keys.isVisible(), false);
        const tabs = lab.page.getByRole("navigation", { name: "Steps and terminals" });
        await tabs.getByRole("button", { name: "one" }).tap();
        await keys.waitFor();
        const one = lab.terminal("one");
        await one.prompts();
        await one.type("echo up-$((1 + 1))\r");
        await one.shows("up-2");
        await keys.getByRole("button", { name: "Up" }).tap();
        await one.shows(/up-2\n\$ echo up/);
        const control = keys.getByRole("button", { name: "Ctrl" });
        await control.tap();
        assert.equal(await control.getAttribute("aria-pressed"), "true");
        await lab.page.keyboard.type("c");
        assert.equal(await control.getAttribute("aria-pressed"), "false");
        await one.shows(/\^C\n\$$/);
        await lab.page.keyboard.type("echo a");
        await keys.getByRole("button", { name: "Pipe" }).tap();
        await lab.page.keyboard.type("cat; ech");
        await keys.getByRole("button", { name: "Tab" }).tap();
        await one.shows("echo a|cat; echo");
        for (const key of await keys.getByRole("button").all()) {
          const box = await key.boundingBox();
          assert.ok(box && box.width >= 44 && box.height >= 44);
        }
        const wide = await lab.page.evaluate(
          () => document.documentElement.scrollWidth - window.innerWidth,
        );
        assert.ok(wide <= 0, `${wide} px too wide`);
      },
      { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
    ));

  test("reads a terminal as text, the last command or all of it", () =>
    inLab(async (lab) => {
      await lab.terminal("one").prompts();
      await lab.terminal("one").type("echo before; printf 'wide%.0s' {1..60}; echo\r");
      await lab.terminal("one").shows("widewide");
      await lab.terminal("one").prompts();
      await lab.run(0);
      await lab.terminal("one").shows("\nthe needle of a block");
      await lab.terminal("one").prompts();
      const open = lab.page.getByRole("button", { name: "Read one as text" });
      await open.click();
      const dialog = lab.page.getByRole("dialog", { name: "Text of one" });
      const text = dialog.getByRole("region");
      assert.equal(
        await text.textContent(),
        '$ echo "the needle of a block"\nthe needle of a block\n$',
      );
      assert.ok(await text.evaluate((one) => one === document.activeElement));
      await dialog.getByRole("button", { name: "Everything" }).click();
      assert.match((await text.textContent()) ?? "", new RegExp(`before\n(wide){60}\n`));
      await lab.page.keyboard.press("Escape");
      assert.equal(await dialog.isVisible(), false);
      await lab.page.getByRole("button", { name: "Settings and more" }).click();
      const mode = lab.page.getByRole("button", { name: "On", exact: true });
      await mode.click();
      assert.equal(await mode.getAttribute("aria-pressed"), "true");
      const tree = lab.terminal("one").pane.locator(".xterm-accessibility-tree");
      await until("text for screen readers", async () =>
        ((await tree.textContent()) ?? "").includes("needle"),
      );
      await lab.page.locator("#announcer", { hasText: "is on" }).waitFor({ state: "attached" });
    }));

  test("reads the last command of others, after a reload and in a window of another height", () =>
    inLab(async (lab) => {
      const one = lab.terminal("one");
      const dialog = lab.page.getByRole("dialog", { name: "Text of one" });
      const read = async () => {
        await lab.page.getByRole("button", { name: "Read one as text" }).click();
        const text = await dialog.getByRole("region").textContent();
        const choice = await dialog.getByRole("button", { name: "Last command" }).isVisible();
        const why = dialog.getByText("none has run yet");
        assert.equal(await why.isVisible(), !choice);
        await lab.page.keyboard.press("Escape");
        return choice ? text : null;
      };
      await one.prompts();
      assert.equal(await read(), null);
      await one.type("echo be''fore\r");
      await one.shows("\nbefore");
      await one.prompts();
      const ran = '$ echo "the needle of a block"\nthe needle of a block\n$';
      const other = await LabView.open(lab.page.context(), lab.page.url());
      await other.run(0);
      await one.shows("\nthe needle of a block");
      await one.prompts();
      assert.equal(await read(), ran, "what another tab ran");
      await other.page.close();
      for (const height of [500, 1100, 900]) {
        await lab.page.setViewportSize({ width: 1440, height });
        await pause(600);
        assert.equal(await read(), ran, `at ${height} pixels`);
      }
      await lab.page.reload();
      await lab.ready();
      await one.shows("\nthe needle of a block");
      assert.equal(await read(), ran, "after a reload");
    }));

  test("leaves a terminal by the keys that it names", () =>
    inLab(async (lab) => {
      const one = lab.terminal("one");
      await one.focus();
      await one.pane.getByText("Shift+Esc").waitFor();
      await lab.page.keyboard.press("Shift+Escape");
      const inside = () => one.pane.evaluate((pane) => pane.querySelector("textarea:focus"));
      assert.equal(await inside(), null);
      await one.pane.getByText("goes in").waitFor();
      await lab.page.keyboard.press("ArrowDown");
      assert.notEqual(await inside(), null);
    }));

  test("goes by keyboard from the page's top to a block, and through all terminals", () =>
    inLab(async (lab) => {
      await lab.terminal("one").prompts();
      /** Where the keyboard is, and whether one sees it. */
      const focus = () =>
        lab.page.evaluate(() => {
          let at = document.activeElement;
          while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
          if (!(at instanceof HTMLElement)) return { name: "", seen: false };
          const { outlineStyle, backgroundColor } = getComputedStyle(at);
          // A border shows the focus by its colour, and a terminal by its header.
          const coloured = at.role === "separator" && backgroundColor !== "rgba(0, 0, 0, 0)";
          const header = at.closest(".pane-body") && at.closest(".pane:focus-within");
          const name = at.getAttribute("aria-label") ?? at.textContent?.trim() ?? "";
          return { name, seen: outlineStyle !== "none" || coloured || header !== null };
        });
      const tabTo = async (/** @type {RegExp} */ wanted) => {
        for (let tries = 0; tries < 40; tries += 1) {
          await lab.page.keyboard.press("Tab");
          const { name, seen } = await focus();
          assert.ok(seen, `the focus shows on ${name}`);
          if (wanted.test(name)) return;
        }
        assert.fail(`Tab never came to ${wanted}`);
      };
      await tabTo(/^Skip to the steps/);
      await lab.page.keyboard.press("Enter");
      await tabTo(/^Run in one/);
      await lab.page.keyboard.press("Enter");
      await lab.terminal("one").shows("\nthe needle of a block");
      await tabTo(/^Terminal one/);
      await lab.page.keyboard.type("echo ty''ped\n");
      await lab.terminal("one").shows("\ntyped");
      await lab.page.keyboard.press("Shift+Escape");
      await tabTo(/^Terminal second/);
      await lab.page.keyboard.type("echo al''so\n");
      await lab.terminal("second").shows("\nalso");
      await lab.page.keyboard.press("Shift+Escape");
      for (let tries = 0; tries < 40 && !/^Terminal one/.test((await focus()).name); tries += 1) {
        await lab.page.keyboard.press("Shift+Tab");
      }
      assert.match((await focus()).name, /^Terminal one/);
    }));

  test("is told when a block ran, and why it or a link does not run again", () =>
    inLab(async (lab) => {
      await lab.run(0);
      await lab.card(0).getByText("just now").waitFor();
      const title = await lab.card(0).locator(".block-status").getAttribute("title");
      assert.match(title ?? "", /^Ran once, last on .*\d/);
      // What it runs in was marked, and comes into view.
      await lab.page.locator(".pane.flash", { hasText: "one" }).waitFor();
      await lab.page.reload();
      await lab.ready();
      await lab.card(0).getByText("just now").waitFor();
      await lab.open("step1");
      await lab.run(0);
      await lab.marked(0, "exhausted");
      const button = lab.card(0).getByRole("button", { name: /limit reached/ });
      assert.equal(await button.getAttribute("aria-disabled"), "true");
      const link = lab.content.getByRole("link", { name: "Type it" });
      await link.click();
      await lab.terminal("one").shows("\nonce");
      await link.click();
      await lab.content.locator(".note-link").getByText("This command runs once").waitFor();
    }));

  test("keeps selected text when a block is clicked", () =>
    inLab(async (lab) => {
      const selected = () => lab.page.evaluate(() => String(document.getSelection()));
      const words = lab.content.getByText("Some words, and");
      await words.dblclick({ position: { x: 14, y: 10 } });
      const before = await selected();
      assert.ok(before.trim().length > 0);
      await lab.run(0);
      await lab.marked(0, "sent");
      assert.equal(await selected(), before);
      // A click that puts away a selection in the block itself runs nothing.
      const code = lab.block(0).locator("code");
      const box = await code.boundingBox();
      assert.ok(box);
      await lab.page.mouse.move(box.x + 4, box.y + 10);
      await lab.page.mouse.down();
      await lab.page.mouse.move(box.x + 90, box.y + 10, { steps: 4 });
      await lab.page.mouse.up();
      await lab.page.mouse.click(box.x + 120, box.y + 10);
      await pause(300);
      await lab.card(0).getByText(/^sent( ·|$)/).waitFor();
    }));

  test("scrolls in one direction only at 320 pixels, and at twice the size", () =>
    inLab(
      async (lab) => {
        for (const step of ["intro", "step1"]) {
          if (step !== "intro") await lab.open(step);
          const wide = await lab.page.evaluate(() => {
            const steps = document.getElementById("steps");
            const over = steps ? steps.scrollWidth - steps.clientWidth : 0;
            return Math.max(over, document.documentElement.scrollWidth - window.innerWidth);
          });
          assert.ok(wide <= 0, `${step}: ${wide} px too wide`);
        }
        for (const button of await lab.page.locator(".bar button:visible, .bar a:visible").all()) {
          const box = await button.boundingBox();
          assert.ok(box && box.x >= 0 && box.x + box.width <= 320, await button.innerHTML());
          assert.ok(box.width >= 24 && box.height >= 24);
        }
      },
      { viewport: { width: 320, height: 640 } },
    ));
});
