// @ts-check
/** axe-core finds no breach of WCAG 2.2 AA on any kind of page and state, in light and in dark. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { breaches } from "./axe.mjs";
import { LabView, profile, Wire, writeShell } from "./house.mjs";
import { Suite } from "./suite.mjs";

/** @import { House } from "./house.mjs" */

const FENCE = "```";

const BUSY = `# Second

${FENCE}
sleep 300
${FENCE}

${FENCE}
true
${FENCE}

${FENCE}
### {"macrosBefore": ["ctrl_c"]}
no-such-program
${FENCE}
`;

const SCENARIO = {
  ".katapod_config.json": JSON.stringify({
    layout: { terminals: [{ id: "one" }, { id: "two", name: "second" }] },
  }),
  "intro.md": `# A lab

<div class="top"><div class="scenario-title-section"><span class="scenario-title">A lab</span>
<span class="scenario-subtitle">With a <a href="mailto:nobody@example.org">link</a>.</span></div></div>

Some text with \`code\` and a [link](https://example.org).

<a href='command:katapod.loadPage?[{"step":"blocks"}]' class="btn btn-dark">Next</a>
`,
  "blocks.md": `# Blocks

${FENCE}bash
### two
# a comment
echo "runs" | grep 'r' > /dev/null && exit 0
${FENCE}

${FENCE}sql
### {"execute": false}
SELECT count(*) FROM t WHERE a = 'b' AND c > 12; -- not run
${FENCE}

${FENCE}python
### {"maxInvocations": 0, "backgroundColor": "#C5DDD2"}
def f(x: int) -> str:
    return f"{x}"  # never
${FENCE}

${FENCE}json
### {"macrosBefore": ["ctrl_c"], "backgroundColor": "navy"}
{"a": [1, true, null]}
${FENCE}
`,
  "table.md": `# Table

| a | b |
|---|---|
| 1 | *2* |

<details><summary>More</summary>

> Inside, with \`code\`.

</details>

1. one
2. two

${FENCE}mermaid
graph LR
  first --> last
${FENCE}
`,
};

describe("accessibility", () => {
  const suite = new Suite();
  /** @type {House} */
  let house;

  before(async () => {
    await suite.write("labs/first", SCENARIO);
    await suite.write("labs/second", {
      "intro.md": BUSY,
      ".katapod_config.json": "{}",
    });
    const shell = await writeShell(suite.path);
    house = await suite.serve(join(suite.path, "labs"), { shell });
  });

  /** @param {import("playwright-core").Page} page @param {string} what */
  async function check(page, what) {
    // A page's own headings may skip a level: they are its author's.
    const found = await breaches(page, { ignore: ["heading-order"] });
    assert.deepEqual(found, [], what);
  }

  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    test(`start page, lab pages and messages in ${colorScheme}`, async () => {
      const context = await profile(suite.browser, { colorScheme, reducedMotion: "reduce" });
      const page = await context.newPage();
      await page.goto(house.url.href);
      await check(page, "start page");
      await page.goto(new URL("/labs/none/", house.url).href);
      await check(page, "message page");
      const lab = await LabView.open(context, new URL("/labs/first/", house.url));
      await check(lab.page, "intro");
      await lab.page.goto(new URL("/labs/first/?step=blocks", house.url).href);
      await lab.ready();
      await lab.run(0);
      await lab.block(2).click();
      await lab.content.locator(".note-error:visible").waitFor();
      await check(lab.page, "blocks");
      await lab.page.goto(new URL("/labs/second/", house.url).href);
      await lab.ready();
      await lab.page.getByRole("button", { name: "Run all 3" }).click();
      const bar = lab.page.locator("#page .step-run");
      await bar.getByRole("button", { name: "Stop" }).waitFor();
      await check(lab.page, "all blocks running");
      // What is not yet typed would be taken back.
      await lab.marked(0, "sent");
      await bar.getByRole("button", { name: "Stop" }).click();
      await bar.getByText("Stopped at 1 of 3").waitFor();
      await lab.run(1);
      const question = lab.card(1).getByRole("group", { name: /is running in/ });
      await question.waitFor();
      await check(lab.page, "a busy terminal");
      await question.getByRole("button", { name: "Queue" }).click();
      await lab.marked(1, "queued");
      await check(lab.page, "a queue");
      await lab.run(2);
      await lab.page.goto(new URL("/labs/first/?step=table", house.url).href);
      await lab.ready();
      await lab.content.locator("summary", { hasText: "More" }).click();
      await check(lab.page, "table and details");
      await lab.page.getByRole("button", { name: "Start the lab over" }).click();
      await check(lab.page, "question before starting over");
      await lab.page.getByRole("button", { name: "Keep going" }).click();
      await lab.page.getByRole("button", { name: "Settings and more" }).click();
      await lab.page.getByRole("button", { name: "On", exact: true }).click();
      await check(lab.page, "panel of settings");
      await lab.page.keyboard.press("Escape");
      await lab.page.locator("#step-menu").click();
      await check(lab.page, "list of steps");
      await lab.page.keyboard.press("Escape");
      await lab.page.getByRole("button", { name: /^Find in this step/ }).click();
      await lab.page.keyboard.type("code");
      await lab.page.getByRole("button", { name: /^Find in second/ }).click();
      await check(lab.page, "find boxes");
      await lab.page.getByRole("button", { name: "Read second as text" }).click();
      await check(lab.page, "text of a terminal");
      await lab.page.keyboard.press("Escape");
      // The block has ended its shell.
      await lab.terminal("second").pane.getByRole("button", { name: "Start again" }).waitFor();
      await check(lab.page, "shell that ended");
      assert.deepEqual(lab.problems, []);
      await context.close();
    });

    test(`narrow window and lost connection in ${colorScheme}`, async () => {
      const wire = await Wire.to(house.port);
      const context = await profile(suite.browser, {
        colorScheme,
        reducedMotion: "reduce",
        viewport: { width: 390, height: 844 },
        hasTouch: true,
      });
      const through = new URL(house.url);
      through.port = String(wire.port);
      const page = await context.newPage();
      await page.goto(through.href);
      await check(page, "narrow start page");
      const lab = await LabView.open(context, new URL("/labs/first/?step=blocks", through));
      await check(lab.page, "narrow steps");
      await lab.page.locator("#tabs").getByRole("button", { name: "one" }).tap();
      await lab.page.getByRole("region", { name: "Keys" }).waitFor();
      await check(lab.page, "narrow terminal with its keys");
      await lab.page.locator("#tabs").getByRole("button", { name: "Steps" }).tap();
      wire.cut();
      await lab.page.locator("#banner").getByText("Not connected").waitFor();
      await check(lab.page, "lost connection");
      await context.close();
      wire.close();
    });
  }

  // What a window of 1440×900 pixels comes to in the browser's own zoom.
  for (const [percent, width, height] of /** @type {const} */ ([
    [200, 720, 450],
    [400, 360, 225],
  ])) {
    test(`everything is there at ${percent} %`, async () => {
      const context = await profile(suite.browser, {
        viewport: { width, height },
        deviceScaleFactor: percent / 100,
        reducedMotion: "reduce",
      });
      const start = await context.newPage();
      await start.goto(house.url.href);
      await fits(start, "start page");
      await reachable(start, "a, button", "start page");
      const lab = await LabView.open(context, new URL("/labs/first/?step=table", house.url));
      const { page } = lab;
      await lab.content.locator("summary", { hasText: "More" }).click();
      await check(page, `table at ${percent} %`);
      await fits(page, "table");
      await reachable(page, ".bar a, .bar button, .tabs button", "bar");
      await reachable(page, "#page a, #page button, #page summary", "step");
      await page.locator("#step-menu").click();
      await reachable(page, "#step-list button", "list of steps");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Settings and more" }).click();
      await reachable(page, "#view-menu button", "panel");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Start the lab over" }).click();
      await reachable(page, "#start-over button", "question");
      await page.keyboard.press("Escape");
      await lab.open("blocks");
      await fits(page, "blocks");
      await reachable(page, "#page button", "blocks");
      await page.locator("#tabs").getByRole("button", { name: "one" }).click();
      await lab.terminal("one").prompts();
      assert.ok((await lab.terminal("one").rows()).length > 0);
      const rows = await lab.terminal("one").pane.locator(".xterm-rows > div").count();
      assert.ok(rows >= 5, `${rows} rows of the terminal are left`);
      await fits(page, "terminal");
      await reachable(page, ".pane.shown button", "terminal");
      await page.getByRole("button", { name: /^Find in one/ }).click();
      await reachable(page, ".pane.shown .find button", "find box");
      await page.getByRole("button", { name: "Read one as text" }).click();
      await check(page, `text of a terminal at ${percent} %`);
      await reachable(page, "#text-view button", "text of a terminal");
      assert.deepEqual(lab.problems, []);
      await context.close();
    });
  }
});

/** Nothing is scrolled in two directions. @param {import("playwright-core").Page} page @param {string} what */
async function fits(page, what) {
  const over = await page.evaluate(() => {
    const parts = [document.documentElement, document.getElementById("steps")];
    return parts.map((part) => (part ? part.scrollWidth - part.clientWidth : 0));
  });
  assert.deepEqual(
    over.map((pixels) => Math.max(0, pixels)),
    over.map(() => 0),
    `${what} is too wide`,
  );
}

/**
 * Every control that is shown can be scrolled to where a pointer hits it.
 * @param {import("playwright-core").Page} page
 * @param {string} selector
 * @param {string} what
 */
async function reachable(page, selector, what) {
  const controls = page.locator(`:is(${selector}):visible`);
  const count = await controls.count();
  assert.ok(count > 0, `${what} has controls`);
  for (let index = 0; index < count; index += 1) {
    const control = controls.nth(index);
    const name = `${what}: ${await control.evaluate((one) => one.outerHTML.slice(0, 120))}`;
    await control.scrollIntoViewIfNeeded();
    // A trial waits until the pointer would hit it, and says what lies over it.
    await control.hover({ trial: true, timeout: 3000 }).catch((error) => {
      throw new Error(`${name}\n${error}`);
    });
    const box = await control.boundingBox();
    assert.ok(box && box.width >= 24 && box.height >= 15, `${name} is ${box?.width}×${box?.height}`);
  }
}
