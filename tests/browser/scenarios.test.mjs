// @ts-check
/** The labs that ship, walked from start to finish as a learner walks them, every block clicked. */

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  copyFolder,
  House,
  LabView,
  launch,
  pause,
  profile,
  root,
  temporaryFolder,
  until,
} from "./house.mjs";

const SHELL = join(root, "tests/fixtures/programs/shell");
// A backfill and a comparison take their time, on purpose.
const LONG_MS = 60_000;

/** A port that nothing listens on now. @returns {Promise<number>} */
function freePort() {
  return new Promise((found) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => found(port));
    });
  });
}

describe("labs that ship", () => {
  const temp = temporaryFolder();
  /** @type {import("playwright-core").Browser} */
  let browser;
  /** @type {House} */
  let house;

  before(async () => {
    const { path } = await temp;
    // Labs write beside their pages; what is checked in stays as it is.
    await copyFolder(join(root, "scenarios"), join(path, "labs"));
    house = await House.open(join(path, "labs"), { shell: SHELL, home: path });
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await house?.stop();
    await (await temp).remove();
  });

  /**
   * Opens a lab in a profile of its own, tall enough that output is seen when it is looked for.
   * @param {string} name
   * @param {(lab: LabView) => Promise<void>} walk
   */
  async function inLab(name, walk) {
    const context = await profile(browser, { viewport: { width: 1600, height: 1800 } });
    const start = await context.newPage();
    await start.goto(house.url.href);
    const lab = await LabView.open(context, new URL(`/labs/${name}/`, house.url));
    await walk(lab);
    assert.deepEqual(lab.problems, []);
    assert.deepEqual(lab.missing, []);
    await context.close();
  }

  /** Goes on by the button below the page. @param {LabView} lab @param {string} step */
  async function next(lab, step) {
    await lab.follow(lab.content.locator(".navigation-bottom-right"), step);
    for (const fold of await lab.content.locator("details").all()) {
      await fold.evaluate((one) => one.setAttribute("open", ""));
    }
  }

  /**
   * Runs a block and waits for what it shows, below what was there before.
   * @param {LabView} lab
   * @param {number} block
   * @param {string} name
   * @param {string | RegExp} output
   */
  async function run(lab, block, name, output) {
    const terminal = lab.terminal(name);
    await lab.run(block);
    await terminal.shows(output, LONG_MS);
  }

  test("quickstart shows every feature, from the first page to the last", () =>
    inLab("quickstart", async (lab) => {
      const [host, worker, spare] = ["main-console", "worker-console", "spare"];
      await lab.terminal(host).shows("Welcome. This shell is yours");
      await next(lab, "step1");
      await run(lab, 0, host, "\nHello from the first terminal.");
      await run(lab, 1, worker, "\nHello from the worker.");
      await run(lab, 2, spare, /\nfirst line\n[^]*\nsecond line\n[^]*\/quickstart$/m);
      assert.equal(await lab.state(3), "quiet");

      await next(lab, "step2");
      await run(lab, 0, host, "\nAn installation that must not run twice.");
      await lab.marked(0, "exhausted");
      await lab.run(0);
      await lab.card(0).getByText("may run once only").waitFor();
      await run(lab, 1, host, "\none of three: heads");
      await run(lab, 2, worker, "\none of three: tails");
      await lab.card(1).getByText("sent 2×").waitFor();
      await lab.run(2);
      await lab.marked(1, "exhausted");
      await lab.marked(2, "exhausted");
      await run(lab, 3, host, "\na step of the main thread");
      await run(lab, 4, worker, "\na look behind the scenes");

      await next(lab, "step3");
      await lab.run(0);
      await lab.marked(0, "sent");
      await pause(1500);
      await run(lab, 1, worker, "\nThe prompt is back.");
      await lab.run(0);
      await lab.card(0).getByText("sent 2×").waitFor();
      await pause(500);
      await lab.run(2);
      await lab.terminal(worker).shows(/[$#] : stopped\n.*[$#] ?$/);
      await run(lab, 3, spare, />>> ?$/);
      await run(lab, 4, spare, "\nstill in Python, 42");
      await lab.terminal(spare).shows(/>>> ?$/);
      await run(lab, 5, spare, /exit\(\)\n.*[$#] ?$/);

      await next(lab, "step4");
      await lab.terminal(worker).shows("\nStep 4 was opened; I say so twice and no more.");
      await lab.content.getByRole("link", { name: "Load this step again" }).click();
      await until("the command's second run", async () => {
        const rows = await lab.terminal(worker).rows();
        return rows.filter((row) => row.startsWith("Step 4 was opened")).length === 2;
      });

      await next(lab, "step5");
      await lab.content.locator("figure.diagram svg").first().waitFor();
      const figure = lab.content.locator("figure.diagram");
      await until("the drawing's words", async () =>
        (await figure.innerText()).includes("You see it"),
      );
      const block = lab.content.locator(".block", { hasText: "run from inside a fold" });
      await block.locator("pre").click();
      await lab.terminal(host).shows("\nrun from inside a fold");

      await next(lab, "step6");
      const on = lab.content.getByRole("link", { name: "Next" }).first();
      assert.equal(await on.getAttribute("aria-disabled"), "true");
      const check = lab.card(2).getByRole("button", { name: /^Check:/ });
      await check.click();
      await lab.marked(2, "failed");
      await lab.card(2).getByText("There is no report.", { exact: true }).waitFor();
      await run(lab, 0, host, "\n5 lines written to made/report.txt");
      await run(lab, 1, host, "\n5 made/report.txt");
      await check.click();
      await lab.marked(2, "done");
      await until("an open way", async () => (await on.getAttribute("aria-disabled")) === null);

      await next(lab, "more/links");
      const once = lab.content.getByRole("link", { name: "Run once" });
      await once.click();
      await lab.terminal(worker).shows("\nonly once");
      await once.click();
      // A link is no block, and its refusal does not call it one.
      await lab.content.locator(".note-link").getByText("This command runs once").waitFor();
      await lab.content.getByRole("link", { name: "Show spare" }).click();
      await lab.page.locator(".pane.flash", { hasText: "spare" }).waitFor();

      await next(lab, "finish");
      await lab.content.getByText("That is all a lab needs").waitFor();
      const visited = lab.page.locator("#step-list [data-visited]");
      assert.equal(await visited.count(), (await lab.steps()).length);
    }));

  test("zero-downtime migration loses nothing, and proves it", () =>
    inLab("zero-downtime-migration", async (lab) => {
      await lab.terminal("host").shows("The lab is ready.", LONG_MS);
      // Another lab on this machine may use the usual port.
      const port = await freePort();
      for (const name of ["api", "client", "host"]) {
        await lab.terminal(name).type(`export LAB_PORT=${port}; clear\r`);
      }
      await next(lab, "step1");
      await lab.run(0);
      await lab.terminal("api").shows(String(port));
      await run(lab, 1, "client", /in origin/);
      await run(lab, 2, "host", /parcel-0007/);
      await lab.terminal("host").prompts();
      await lab.terminal("host").type("clear\r");

      await next(lab, "step2");
      await run(lab, 0, "host", /copy_once\.py\n[^]+\n.*[$#] ?$/);

      await next(lab, "step3");
      await run(lab, 0, "client", "in origin+target");
      await lab.terminal("host").type("clear\r");
      await run(lab, 1, "host", "\nNot equal.");
      await lab.terminal("host").prompts();

      await next(lab, "step4");
      await lab.terminal("host").type("clear\r");
      await run(lab, 0, "host", /newer in target/);
      await lab.terminal("host").prompts();
      await lab.terminal("host").type("clear\r");
      await run(lab, 2, "host", /backfill\.py\n[^]+\n.*[$#] ?$/);

      await next(lab, "step5");
      await lab.terminal("host").type("clear\r");
      await run(lab, 0, "host", "\nEqual: every parcel, every write.");
      await lab.terminal("host").prompts();
      await lab.terminal("host").type("clear\r");
      await run(lab, 1, "host", /compare\.py\n[^]*parcel-0042[^]*[$#] ?$/);
      await lab.terminal("host").type("clear\r");
      await run(lab, 2, "host", "\nEqual: every parcel, every write.");

      await next(lab, "step6");
      await run(lab, 0, "client", "read from target");
      await lab.terminal("client").type("\x0c");
      await run(lab, 1, "client", /read from origin/);
      await lab.run(2);
      await until("reads from the target", async () =>
        ((await lab.terminal("client").rows()).at(-1) ?? "").includes("read from target"),
      );

      await next(lab, "step7");
      await lab.terminal("host").type("clear\r");
      await run(lab, 0, "host", "\nEqual: every parcel, every write.");
      await lab.terminal("host").prompts();
      await lab.run(1);
      await until("writes to the target only", async () =>
        / in target\b/.test((await lab.terminal("client").rows()).at(-1) ?? ""),
      );
      await lab.terminal("host").type("clear\r");
      await run(lab, 2, "host", /parcel-0007/);

      await next(lab, "step8");
      await run(lab, 0, "client", /: stopped\n.*[$#] ?$/);
      await lab.terminal("host").type("clear\r");
      await run(lab, 1, "host", "Nothing was lost.");
      await run(lab, 2, "api", /: stopped\n.*[$#] ?$/);
      await next(lab, "finish");
      await lab.content.getByText("You have moved a live service").waitFor();
    }));
});
