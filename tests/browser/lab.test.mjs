// @ts-check
/** What a learner does in a lab, on a small scenario of the tests' own. */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  House,
  LabView,
  launch,
  pause,
  profile,
  temporaryFolder,
  until,
  writeFiles,
  writeShell,
} from "./house.mjs";
import { VECTORS } from "./vectors.mjs";

const FENCE = "```";
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);

const SCENARIO = {
  ".katapod_config.json": JSON.stringify({
    layout: { terminals: [{ id: "one" }, { id: "two", name: "second" }, { id: "three" }] },
    navigation: {
      onLoadCommands: {
        intro: { one: [{ command: "echo loaded-intro" }] },
        blocks: { two: [{ command: "echo loaded-blocks", maxInvocations: 2 }] },
      },
    },
  }),
  "image.png": PIXEL,
  "intro.md": `# Welcome

![A pixel](image.png) <img id="raw" src="/image.png" alt="Another">

[to the blocks](command:katapod.loadPage?blocks) and
[to nowhere](command:katapod.loadPage?nowhere)

${FENCE}cql
### {"execute": false}
SELECT name FROM users WHERE id = 12; -- a comment
${FENCE}
`,
  "blocks.md": `# Blocks

[to the diagrams](command:katapod.loadPage?diagrams)

${FENCE}bash
### two
echo one-$((1 + 1))-three
${FENCE}

${FENCE}bash
### {"maxInvocations": 1}
echo only-$((40 + 2))
${FENCE}

${FENCE}bash
### {"execute": false}
echo never
${FENCE}

${FENCE}bash
### {"terminalId": "three"}
exit 3
${FENCE}

${FENCE}bash
### {"macrosBefore": ["ctrl_c"]}
echo interrupted-$((20 + 1))
${FENCE}

${Array.from({ length: 60 }, (_, n) => `Paragraph ${n} that makes the page long.`).join("\n\n")}
`,
  "diagrams.md": `# Diagrams

${FENCE}mermaid
graph LR
  first --> last
${FENCE}

${FENCE}mermaid
graph LR
  this is ] no diagram --
${FENCE}
`,
};

describe("a lab", () => {
  const temp = temporaryFolder();
  /** @type {import("playwright-core").Browser} */
  let browser;
  /** @type {string} */
  let shell;
  /** @type {string} */
  let folder;

  before(async () => {
    const { path } = await temp;
    shell = await writeShell(path);
    folder = join(path, "small");
    await writeFiles(folder, SCENARIO);
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await (await temp).remove();
  });

  /**
   * Opens the small lab in a server and a profile of its own.
   * @param {string} query
   * @param {(lab: LabView, house: House) => Promise<void>} use
   * @param {{ path?: string, browser?: import("playwright-core").Browser,
   *   context?: import("playwright-core").BrowserContextOptions }} [options]
   */
  async function inLab(query, use, { path = folder, browser: other, context: how } = {}) {
    const house = await House.open(path, { shell, home: (await temp).path });
    const context = await profile(other ?? browser, how);
    try {
      // The token becomes a cookie by the first address; a step is named by a later one.
      const lab = new LabView(await context.newPage());
      if (query) {
        // A page that starts no lab yet.
        await lab.page.goto(new URL(`/labs/none/${house.url.search}`, house.url).href);
        await lab.page.goto(new URL(`/labs/${basename(path)}/${query}`, house.url).href);
      } else {
        await lab.page.goto(house.url.href);
      }
      await lab.ready();
      lab.problems.length = 0;
      await use(lab, house);
    } finally {
      await context.close();
      await house.stop();
    }
  }

  /** @param {LabView} lab @param {string} step */
  const go = (lab, step) =>
    lab.follow(lab.content.getByRole("link", { name: `to the ${step}` }), step);

  test("block runs by a click on its code, by its button, and by Enter", () =>
    inLab("", async (lab) => {
      await go(lab, "blocks");
      const second = lab.terminal("second");
      await lab.run(0);
      await second.shows("one-2-three");
      await lab.card(0).getByText(/^sent( ·|$)/).waitFor();
      await lab.card(0).getByRole("button", { name: "Run in second" }).click();
      await lab.card(0).getByText("sent 2×").waitFor();
      await lab.card(0).getByRole("button", { name: "Run in second" }).focus();
      await lab.page.keyboard.press("Enter");
      await lab.card(0).getByText("sent 3×").waitFor();
      await until("three outputs", async () => {
        const rows = await second.rows();
        return rows.filter((row) => row === "one-2-three").length === 3;
      });
      assert.deepEqual(await lab.terminal("one").rows(), [
        "$ echo loaded-intro",
        "loaded-intro",
        "$",
      ]);
      assert.deepEqual(lab.problems, []);
    }));

  test("selecting a block's text does not run it, and copying copies it", () =>
    inLab("", async (lab) => {
      await lab.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      await go(lab, "blocks");
      const box = await lab.block(0).locator("code").boundingBox();
      assert.ok(box);
      await lab.page.mouse.move(box.x + 4, box.y + 10);
      await lab.page.mouse.down();
      await lab.page.mouse.move(box.x + 90, box.y + 10, { steps: 4 });
      await lab.page.mouse.up();
      await pause(200);
      assert.equal(await lab.state(0), "ready");
      await lab.card(0).hover();
      await lab.card(0).getByRole("button", { name: "Copy" }).click();
      await until(
        "the clipboard",
        async () =>
          (await lab.page.evaluate(() => navigator.clipboard.readText())) ===
          "echo one-$((1 + 1))-three",
      );
      assert.equal(await lab.state(0), "ready");
    }));

  test("block that may not run says why", () =>
    inLab("", async (lab) => {
      await go(lab, "blocks");
      await lab.run(1);
      await lab.terminal("one").shows("only-42");
      await lab.marked(1, "exhausted");
      await lab.run(1);
      await lab.card(1).getByText("may run once only").waitFor();
      await lab.run(2);
      await lab.card(2).getByText("not executable").waitFor();
      await pause(200);
      const rows = await lab.terminal("one").rows();
      assert.equal(rows.filter((row) => row === "only-42").length, 1);
      assert.ok(!rows.includes("never"));
    }));

  test("dead link says so beside it, and the page stays", () =>
    inLab("", async (lab) => {
      const link = lab.content.getByRole("link", { name: "to nowhere" });
      await link.click();
      const note = lab.content.locator(".note-link");
      await note.getByText("nowhere").waitFor();
      const [above, below] = [await link.boundingBox(), await note.boundingBox()];
      assert.ok(above && below && below.y - above.y < 120);
      assert.equal(lab.step, "intro");
      await lab.content.getByRole("heading", { name: "Welcome" }).waitFor();
    }));

  test("Back and Forward load steps, by the counts of their on-load commands", () =>
    inLab("", async (lab) => {
      const second = lab.terminal("second");
      const count = async () =>
        (await second.rows()).filter((row) => row === "loaded-blocks").length;
      assert.equal(await lab.page.title(), "Welcome");
      await go(lab, "blocks");
      assert.equal(await lab.page.title(), "Blocks · Welcome");
      await until("one on-load command", async () => (await count()) === 1);
      await lab.page.reload();
      await lab.ready();
      await lab.showsStep("blocks");
      await second.prompts();
      assert.equal(await count(), 1);
      await lab.page.goBack();
      await lab.content.getByRole("heading", { name: "Welcome" }).waitFor();
      assert.equal(lab.step, "intro");
      await lab.page.goForward();
      await lab.content.getByRole("heading", { name: "Blocks" }).waitFor();
      await until("two on-load commands", async () => (await count()) === 2);
      await lab.page.goBack();
      await lab.showsStep("intro");
      await lab.page.goForward();
      await lab.content.getByRole("heading", { name: "Blocks" }).waitFor();
      await pause(300);
      assert.equal(await count(), 2);
      assert.equal(
        (await lab.terminal("one").rows()).filter((row) => row === "loaded-intro").length,
        1,
      );
      assert.deepEqual(lab.problems, []);
    }));

  test("deep link loads its step, and one to nowhere says so", () =>
    inLab("?step=blocks", async (lab) => {
      await lab.showsStep("blocks");
      await lab.terminal("second").shows("loaded-blocks");
      await lab.page.goto(new URL("?step=nowhere", lab.page.url()).href);
      await lab.ready();
      await lab.content.locator(".note-error", { hasText: "nowhere" }).waitFor();
      await lab.showsStep("blocks");
    }));

  test("shell that ended says how, and starts again by Enter, by button and by a block", () =>
    inLab("", async (lab) => {
      await go(lab, "blocks");
      const third = lab.terminal("three");
      await third.prompts();
      await lab.run(3);
      await third.pane.getByText("The shell exited with code 3.").waitFor();
      await third.press("Enter");
      await third.prompts();
      await third.type("echo again-$((1 + 1))\r");
      await third.shows("again-2");
      await third.type("kill -9 $$\r");
      await third.pane.getByText(/ended by signal (SIGKILL|Killed)/).waitFor();
      await third.pane.getByRole("button", { name: "Start again" }).click();
      await third.pane.getByText(/ended by signal/).waitFor({ state: "hidden" });
      await third.prompts();
      await third.type("echo more-$((1 + 1))\r");
      await third.shows("more-2");
      const second = lab.terminal("second");
      await second.type("exit\r");
      await second.pane.getByText("exited with code 0").waitFor();
      await lab.run(0);
      await second.shows("one-2-three");
      // A restart is no reason to lose the connection.
      assert.equal(await lab.page.locator("#banner").isVisible(), false);
      await lab.page.reload();
      await lab.ready();
      await third.shows("more-2");
      assert.deepEqual(lab.problems, []);
    }));

  test("starting over asks first, and gives fresh terminals", () =>
    inLab("", async (lab) => {
      await go(lab, "blocks");
      await lab.run(1);
      await lab.marked(1, "exhausted");
      const button = lab.page.getByRole("button", { name: "Start the lab over" });
      await button.click();
      await lab.page.getByRole("button", { name: "Keep going" }).click();
      assert.equal(await lab.state(1), "exhausted");
      await button.click();
      await lab.page.getByRole("button", { name: "Start over", exact: true }).click();
      await lab.showsStep("intro");
      await until(
        "a fresh terminal",
        async () => (await lab.terminal("one").text()) === "$ echo loaded-intro\nloaded-intro\n$",
        { seen: () => lab.terminal("one").rows() },
      );
      await go(lab, "blocks");
      assert.equal(await lab.state(1), "ready");
      await lab.run(1);
      await lab.terminal("one").shows("only-42");
      assert.deepEqual(lab.problems, []);
    }));

  test("unknown lab and missing token are pages that say what to do", async () => {
    const house = await House.open(folder, { shell });
    const context = await profile(browser);
    const page = await context.newPage();
    const refused = await page.goto(house.origin);
    assert.equal(refused?.status(), 401);
    await page.getByText("address that katahost printed").waitFor();
    await page.goto(house.url.href);
    const unknown = await page.goto(new URL("/labs/unknown/", house.url).href);
    assert.equal(unknown?.status(), 404);
    assert.match(await page.locator("main").innerText(), /unknown/);
    await context.close();
    await house.stop();
  });

  test("dividers move by mouse and by keys, and the program learns its size", () =>
    inLab("", async (lab) => {
      const one = lab.terminal("one");
      await one.prompts();
      const height = async () => (await one.pane.boundingBox())?.height ?? 0;
      const width = async () => (await one.pane.boundingBox())?.width ?? 0;
      const [high, wide] = [await height(), await width()];
      const between = lab.page.getByRole("separator", { name: "Border above second" });
      const box = await between.boundingBox();
      assert.ok(box);
      await lab.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await lab.page.mouse.down();
      await lab.page.mouse.move(box.x + box.width / 2, box.y + 80, { steps: 4 });
      await lab.page.mouse.up();
      assert.ok((await height()) > high + 50);
      await between.focus();
      await lab.page.keyboard.press("ArrowUp");
      assert.ok((await height()) < high + 80);
      const beside = lab.page.getByRole("separator", { name: "Border between" });
      await beside.focus();
      await lab.page.keyboard.press("Shift+ArrowRight");
      await lab.page.keyboard.press("Shift+ArrowRight");
      assert.ok((await width()) < wide - 100);
      await one.focus();
      await until("the program's own size", async () => {
        await one.type("clear; stty size\r");
        await pause(150);
        const drawn = await one.pane.locator(".xterm-rows > div").count();
        const told = /^(\d+) (\d+)$/m.exec(await one.text());
        return told && Number(told[1]) === drawn && Number(told[2]) < 120;
      });
      const moved = await height();
      await lab.page.reload();
      await lab.ready();
      assert.ok(Math.abs((await height()) - moved) < 3);
    }));

  test("narrow window shows one thing at a time, by tabs", () =>
    inLab(
      "",
      async (lab) => {
        const tabs = lab.page.getByRole("navigation", { name: "Steps and terminals" });
        await tabs.getByRole("button", { name: "second" }).click();
        await lab.terminal("second").pane.waitFor();
        assert.equal(await lab.content.isVisible(), false);
        await tabs.getByRole("button", { name: "Steps" }).click();
        await go(lab, "blocks");
        await lab.run(0);
        // What a block runs in comes into view.
        await lab.terminal("second").pane.waitFor();
        await lab.terminal("second").shows("one-2-three");
        const overflow = await lab.page.evaluate(
          () => document.documentElement.scrollWidth - window.innerWidth,
        );
        assert.ok(overflow <= 0, `${overflow} px too wide`);
      },
      { context: { viewport: { width: 390, height: 844 } } },
    ));

  /** Collects the longest time between two frames. @param {LabView} lab */
  async function watchFrames(lab) {
    await lab.page.evaluate(() => {
      const own = /** @type {{ longest?: number }} */ (/** @type {unknown} */ (window));
      own.longest = 0;
      let last = performance.now();
      const frame = (/** @type {number} */ now) => {
        own.longest = Math.max(own.longest ?? 0, now - last);
        last = now;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
    return () =>
      lab.page.evaluate(
        () => /** @type {{ longest?: number }} */ (/** @type {unknown} */ (window)).longest ?? 0,
      );
  }

  test("flood neither freezes the page nor delays Ctrl-C", () =>
    inLab("", async (lab) => {
      const one = lab.terminal("one");
      await one.prompts();
      const longest = await watchFrames(lab);
      await one.type("yes flood-of-output\r");
      await one.shows("flood-of-output\nflood-of-output");
      await pause(2500);
      const began = performance.now();
      await one.press("Control+c");
      await until("the prompt", async () => (await one.rows()).at(-1) === "$", {
        deadline: 10_000,
      });
      const took = performance.now() - began;
      const gap = await longest();
      process.stdout.write(
        `yes: Ctrl-C took ${took.toFixed(0)} ms, longest time between frames ${gap.toFixed(0)} ms\n`,
      );
      assert.ok(took < 2000, `Ctrl-C took ${took} ms`);
      assert.ok(gap < 1000, `${gap} ms without a frame`);
      await go(lab, "blocks");
      await one.type("yes again\r");
      await one.shows("again\nagain");
      await lab.run(4);
      await one.shows("interrupted-21");
      assert.deepEqual(lab.problems, []);
    }));

  test("file of 100 MB goes through, with the page alive", () =>
    inLab("", async (lab) => {
      const one = lab.terminal("one");
      await one.prompts();
      const longest = await watchFrames(lab);
      const began = performance.now();
      await one.type(
        "yes 0123456789012345678901234567890123456789 | head -c 100000000; echo; echo end\r",
      );
      await until("its end", async () => (await one.rows()).at(-2) === "end", { deadline: 60_000 });
      const [took, gap] = [performance.now() - began, await longest()];
      process.stdout.write(
        `100 MB: ${(took / 1000).toFixed(1)} s, longest time between frames ${gap.toFixed(0)} ms\n`,
      );
      assert.ok(gap < 1000, `${gap} ms without a frame`);
    }));

  test("code is coloured, images of the folder are shown", () =>
    inLab("", async (lab) => {
      const tokens = await lab
        .block(0)
        .locator("span")
        .evaluateAll((all) => all.map((one) => `${one.className} ${one.textContent}`));
      for (const token of ["t-keyword SELECT", "t-number 12", "t-comment -- a comment"]) {
        assert.ok(tokens.includes(token), tokens.join("; "));
      }
      const widths = await until("images", async () => {
        const all = await lab.content
          .locator("img")
          .evaluateAll((imgs) =>
            imgs.map((img) => /** @type {HTMLImageElement} */ (img).naturalWidth),
          );
        return all.length === 2 && all.every((width) => width > 0) ? all : null;
      });
      assert.deepEqual(widths, [1, 1]);
      assert.deepEqual(lab.problems, []);
    }));

  test("diagram is drawn, and one that can't be shows its source and why", () =>
    inLab("?step=diagrams", async (lab) => {
      const figures = lab.content.locator("figure.diagram");
      await figures.nth(0).locator("svg").first().waitFor();
      assert.match(await figures.nth(0).locator(".diagram-canvas").innerText(), /first\s+last/);
      await figures.nth(1).getByText("can't be drawn").waitFor();
      await figures.nth(1).getByText("no diagram --").first().waitFor();
      // Every part of the drawing has a size: its styles came through.
      const box = await figures.nth(0).locator("svg").first().boundingBox();
      assert.ok(box && box.width > 50 && box.height > 20);
    }));

  test("page of attacks runs nothing and is shown to its end", async () => {
    const path = join((await temp).path, "hostile");
    const text = VECTORS.map((vector, n) => `Vector ${n}\n\n${vector}\n`).join("\n");
    // Each vector has a page of its own as well, since one may swallow those after it.
    const single = Object.fromEntries(
      VECTORS.map((vector, n) => [`vector${n}.md`, `# Vector ${n}\n\n${vector}\n`]),
    );
    await writeFiles(path, {
      "intro.md": `# Attacks\n\n${text}`,
      ".katapod_config.json": "{}",
      ...single,
    });
    await inLab(
      "",
      async (lab) => {
        const tripped = () =>
          lab.page.evaluate(
            () =>
              /** @type {{ __tripped?: unknown }} */ (/** @type {unknown} */ (window)).__tripped,
          );
        const address = lab.page.url();
        for (let n = -1; n < VECTORS.length; n += 1) {
          if (n >= 0) {
            await lab.open(`vector${n}`);
          }
          for (const target of await lab.content.locator(".v").all()) {
            await target.click({ timeout: 1000, force: true }).catch(() => undefined);
          }
          await pause(n < 0 ? 500 : 30);
          assert.equal(await tripped(), undefined, n < 0 ? "all together" : VECTORS[n]);
        }
        assert.equal(new URL(lab.page.url()).pathname, new URL(address).pathname);
        // What looks like the name of a file may open as one, which is not there.
        for (const page of lab.page.context().pages()) {
          const url = page.url();
          assert.ok(url === "about:blank" || url.startsWith(new URL(address).origin), url);
        }
        await lab.terminal("cqlsh-editor").type("echo still-$((40 + 2))\r");
        await lab.terminal("cqlsh-editor").shows("still-42");
      },
      { path },
    );
  });

  test("server that stops is named, and one that comes back is found", async () => {
    const token = "the-same-token-again";
    const home = (await temp).path;
    const house = await House.open(folder, { shell, home, token });
    const context = await profile(browser);
    const lab = await LabView.open(context, house.url);
    await lab.showsStep("intro");
    await go(lab, "blocks");
    await lab.terminal("one").type("echo kept-here\r");
    await lab.terminal("one").shows("\nkept-here");
    const { code, ms } = await house.stop();
    assert.equal(code, 0);
    assert.ok(ms < 3000, `stopping took ${ms} ms`);
    await lab.page.locator("#banner").getByText("the server", { exact: false }).waitFor();
    await lab.terminal("one").shows("kept-here");
    const again = await House.open(folder, { shell, home, token, port: house.port });
    await lab.page.locator("#connection[data-state=open]").waitFor();
    await lab.showsStep("intro");
    await lab.terminal("one").prompts();
    await go(lab, "blocks");
    await lab.run(1);
    await lab.terminal("one").shows("only-42");
    assert.equal((await lab.terminal("one").text()).includes("kept-here"), false);
    await context.close();
    await again.stop();
  });

  test("terminals are drawn by WebGL where there is one", async () => {
    const graphics = await launch({ webgl: true });
    try {
      await inLab(
        "",
        async (lab) => {
          await lab.terminal("one").pane.locator("canvas").first().waitFor({ state: "attached" });
          await lab.terminal("one").type("touch written-by-webgl\r");
          await until("the drawing", async () => {
            const shot = await lab.terminal("one").pane.screenshot();
            return shot.length > 1000;
          });
          await go(lab, "blocks");
          await lab.run(0);
          await lab.card(0).getByText(/^sent( ·|$)/).waitFor();
          assert.deepEqual(lab.problems, []);
        },
        { browser: graphics },
      );
    } finally {
      await graphics.close();
    }
  });

  test("page that changes on disk is shown as it is now", () =>
    inLab("", async (lab) => {
      await writeFile(join(folder, "intro.md"), SCENARIO["intro.md"].replace("Welcome", "Changed"));
      try {
        await lab.page.getByRole("button", { name: "Load this step again" }).click();
        await lab.content.getByRole("heading", { name: "Changed" }).waitFor();
      } finally {
        await writeFile(join(folder, "intro.md"), SCENARIO["intro.md"]);
      }
    }));
});
