// @ts-check
// What a click does on a terminal in which a program runs, and all blocks of a step in a row.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { fence, terminals, until, writeBash } from "./house.mjs";
import { Suite } from "./suite.mjs";

/** @import { BrowserContext, BrowserContextOptions } from "playwright-core" */
/** @import { House, LabView } from "./house.mjs" */

const HANGS = "sh -c 'echo up-$((1+1)); exec sleep 300'";

/** @param {string[]} blocks */
const page = (blocks) => `# Blocks\n\n${blocks.join("")}`;

const SCENARIO = {
  ".katapod_config.json": terminals("host", "api"),
  "intro.md": page([
    fence(HANGS),
    fence("echo ran-$((20+22))"),
    fence("echo again-$((20+22))"),
    fence("python3 -q"),
    fence("20 + 22", { prompt: "^>>> $" }),
    fence("exit()"),
  ]),
  "all.md": page([
    fence("echo one; sleep 1"),
    fence("sh -c 'echo oops; exit 7'", { hint: "look at the log" }),
    fence("echo never"),
  ]),
};

describe("a busy terminal", () => {
  const suite = new Suite();
  /** @type {string} */
  let shell;
  /** @type {string} */
  let folder;

  before(async () => {
    shell = await writeBash(suite.path);
    folder = await suite.write("busy", SCENARIO);
  });

  /**
   * A lab of its own, for each.
   * @param {(lab: LabView, house: House, context: BrowserContext) => Promise<void>} use
   * @param {BrowserContextOptions} [options]
   */
  const inLab = (use, options) => suite.inOwnLab(folder, { shell }, use, options);

  /** @param {LabView} lab @param {number} block */
  const status = (lab, block) => lab.card(block).locator(".block-outcome").innerText();
  /** @param {LabView} lab @param {number} block */
  const question = (lab, block) => lab.card(block).getByRole("group", { name: /is running in host/ });

  /** Starts what hangs, and clicks another block. @param {LabView} lab */
  async function ask(lab) {
    await lab.run(0);
    await lab.marked(0, "running");
    await lab.terminal("host").shows("up-2");
    await lab.run(1);
    await question(lab, 1).waitFor();
  }

  test("says what runs there, and nothing happens until somebody answers", () =>
    inLab(async (lab) => {
      await ask(lab);
      assert.match(await question(lab, 1).innerText(), /sleep 300 is running in host, for \d/);
      assert.equal(await lab.state(1), "ready");
      const queue = question(lab, 1).getByRole("button", { name: "Queue" });
      await until("the first answer in focus", () =>
        queue.evaluate((button) => button.matches(":focus")),
      );
      await lab.page.keyboard.press("Escape");
      await question(lab, 1).waitFor({ state: "detached" });
      const run = lab.card(1).locator(".block-run");
      assert.ok(await run.evaluate((button) => button.matches(":focus")));
      await lab.card(0).getByRole("button", { name: "Interrupt" }).click();
      await lab.marked(0, "failed");
      assert.match(await status(lab, 0), /^failed \(130\)/);
      await lab.run(1);
      await lab.marked(1, "done");
    }));

  test("is answered by the queue, which survives a reload and can be taken back", () =>
    inLab(async (lab) => {
      await ask(lab);
      await question(lab, 1).getByRole("button", { name: "Queue" }).click();
      await lab.marked(1, "queued");
      await lab.run(2);
      await question(lab, 2).getByRole("button", { name: "Queue" }).click();
      await lab.marked(2, "queued");
      await lab.page.reload();
      await lab.ready();
      for (const [block, state] of ["running", "queued", "queued"].entries()) {
        await lab.marked(block, state);
      }
      await lab.card(1).getByRole("button", { name: "Take it back" }).click();
      await lab.marked(1, "dropped");
      assert.equal(await status(lab, 1), "not run");
      await lab.card(0).getByRole("button", { name: "Interrupt" }).click();
      await lab.marked(2, "done");
      const text = await lab.terminal("host").text();
      assert.match(text, /again-42/);
      assert.doesNotMatch(text, /ran-42/);
    }));

  test("shows a block's run that still goes while the block is queued again", () =>
    inLab(async (lab) => {
      await lab.run(0);
      await lab.marked(0, "running");
      await lab.terminal("host").shows("up-2");
      await lab.run(0);
      await question(lab, 0).getByRole("button", { name: "Queue" }).click();
      await lab.marked(0, "queued");
      await until("both runs", async () =>
        /^running · [\d.]+ s, queued again$/.test(await status(lab, 0)),
      );
      await lab.card(0).getByRole("button", { name: "Take it back" }).click();
      await lab.marked(0, "running");
      assert.match(await status(lab, 0), /^running · [\d.]+ s$/);
      await lab.card(0).getByRole("button", { name: "Interrupt" }).click();
      await lab.marked(0, "failed");
      assert.match(await status(lab, 0), /^failed \(130\)/);
    }));

  test("is answered by an interrupt, on a phone too", () =>
    inLab(
      async (lab) => {
        await lab.run(0);
        await lab.page.getByRole("tab", { name: "Steps" }).or(lab.page.locator("#tabs button").first()).first().click();
        await lab.marked(0, "running");
        await until("the program to run", async () => /running · [1-9]/.test(await status(lab, 0)));
        await lab.run(1);
        const asked = question(lab, 1);
        await asked.waitFor();
        const wide = await asked.evaluate((element) => element.scrollWidth > element.clientWidth);
        assert.ok(!wide, "it fits");
        await asked.getByRole("button", { name: "Interrupt and run" }).click();
        await lab.marked(1, "done");
      },
      { viewport: { width: 390, height: 844 } },
    ));

  test("is typed into all the same by who says so", () =>
    inLab(async (lab) => {
      await ask(lab);
      await question(lab, 1).getByRole("button", { name: "Type it anyway" }).click();
      await lab.marked(1, "sent");
      await lab.terminal("host").shows("echo ran-");
    }));

  test("that reads is typed into at once, and its prompt is told", () =>
    inLab(async (lab) => {
      await lab.run(3);
      await lab.terminal("host").shows(">>>");
      await lab.run(4);
      await lab.marked(4, "sent");
      await until("the prompt", async () => /prompt is back/.test(await status(lab, 4)), {
        seen: () => status(lab, 4),
      });
      assert.match(await status(lab, 4), /^sent · prompt is back after \d+\.\d s$/);
    }));

  test("is asked about from the keys of the stage and from the remote", () =>
    inLab(async (lab, house, context) => {
      await lab.run(0);
      await lab.marked(0, "running");
      await lab.terminal("host").shows("up-2");
      await lab.page.keyboard.press("Control+Shift+Enter");
      await question(lab, 1).waitFor();
      await lab.page.keyboard.press("Escape");
      const address = await lab.page.evaluate(async () => {
        const url = new URL("ws", location.href);
        url.protocol = "ws:";
        const socket = new WebSocket(url, "katahost.v1");
        await new Promise((open) => socket.addEventListener("open", open));
        const ask = (/** @type {number} */ id, /** @type {string} */ method, /** @type {object} */ params) =>
          new Promise((done) => {
            socket.addEventListener("message", ({ data }) => {
              if (typeof data !== "string") return;
              const message = JSON.parse(data);
              if (message.id === id) done(message);
            });
            socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
          });
        await ask(1, "initialize", { protocolVersion: 1, clientId: "a-test-of-links" });
        const made = /** @type {{ result: { link: { address: string } } }} */ (
          await ask(2, "workspace/executeCommand", {
            command: "katahost.createLink",
            arguments: [{ role: "remote" }],
          })
        );
        socket.close();
        return made.result.link.address;
      });
      const remote = await context.newPage();
      await remote.goto(new URL(address, house.origin).href);
      await remote.locator("#connection[data-state=open]").waitFor({ state: "attached" });
      await remote.getByRole("button", { name: "Run the next block" }).click();
      await remote.getByText(/is running in host/).waitFor();
      await remote.getByRole("button", { name: "Interrupt and run" }).click();
      await lab.marked(1, "done");
    }));

  test("holds up a run of all blocks no longer than it must, and a failure stops it", () =>
    inLab(async (lab) => {
      await lab.open("all");
      await lab.page.getByRole("button", { name: "Run all 3" }).click();
      const bar = lab.page.locator("#page .step-run");
      await bar.getByText("Running 1 of 3").waitFor();
      await lab.page.reload();
      await lab.ready();
      await bar.getByText("Stopped at 2 of 3: it failed with exit code 7.").waitFor();
      await bar.getByText("Look at the log.").waitFor();
      await lab.marked(0, "done");
      await lab.marked(1, "failed");
      assert.equal(await lab.state(2), "ready");
      await bar.getByRole("button", { name: "Show the block" }).click();
      await until("the block in view", () =>
        lab.card(1).evaluate((card) => card.classList.contains("flash")),
      );
    }));
});
