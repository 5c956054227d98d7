// @ts-check
/** A page that is loaded again shows the screen at once, and all of the past behind it. */

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { watchFrames } from "./frames.mjs";
import { House, LabView, profile, terminals, until, writeShell } from "./house.mjs";
import { Suite } from "./suite.mjs";

// More than scrollback keeps.
const PAST_LINES = 12_000;
const FLOOD_LINES = 1_500_000;
const SCROLLBACK_LINES = 10_000;

/** Runs in the page: keeps the past back while told to, and notes every screen that is drawn. */
function watch() {
  const PREVIEW = 5;
  /** @type {(() => void)[]} */
  const held = [];
  let holds = sessionStorage.getItem("hold") !== null;
  const Native = WebSocket;
  window.WebSocket = class extends Native {
    /** @override @param {((event: MessageEvent) => void) | null} handler */
    set onmessage(handler) {
      super.onmessage = (event) => {
        const deliver = () => handler?.call(this, event);
        const { data } = event;
        const past = data instanceof ArrayBuffer && new Uint8Array(data)[0] !== PREVIEW;
        if (holds && past) held.push(deliver);
        else deliver();
      };
    }
  };
  /** @type {string[]} */
  const screens = [];
  const look = () => {
    const rows = Array.from(document.querySelectorAll(".xterm-rows > div"));
    const screen = rows.map((row) => row.textContent?.trimEnd() ?? "").join("\n");
    if (screen.trim() !== "" && screen !== screens.at(-1)) screens.push(screen);
  };
  Reflect.get(window, "onFrame")(look);
  const release = () => {
    holds = false;
    for (const deliver of held.splice(0)) deliver();
  };
  Object.assign(window, { release, screens });
}

describe("a page that is loaded again", () => {
  const suite = new Suite();
  /** @type {House} */
  let house;
  /** @type {LabView} */
  let lab;
  /** @type {import("./house.mjs").TerminalView} */
  let host;

  beforeEach(async (t) => {
    const folder = await suite.write(t.name.replaceAll(/\W/g, "-"), {
      "intro.md": "# Lab\n\n```\necho early-$((40 + 2))\n```\n",
      ".katapod_config.json": terminals("host"),
    });
    house = await House.open(folder, { shell: await writeShell(suite.path), home: suite.path });
    const context = await profile(suite.browser);
    await watchFrames(context);
    await context.addInitScript(watch);
    lab = await LabView.open(context, house.url);
    host = lab.terminal("host");
    await host.prompts();
  });

  /** @param {() => Promise<void>} body */
  const walk = async (body) => {
    try {
      await body();
      assert.deepEqual(lab.problems, []);
    } finally {
      await lab.page.context().close();
      await house.stop();
    }
  };

  /** All lines of the terminal, as its text view has them. */
  const everything = async ({ page } = lab) => {
    await page.getByRole("button", { name: "Read host as text" }).click();
    const view = page.locator("#text-view");
    // There is no choice where nobody can tell where the last command began.
    const whole = view.getByRole("button", { name: "Everything" });
    if (await whole.isVisible()) await whole.click();
    const text = await view.locator(".text-view-text").textContent();
    await view.getByRole("button", { name: "Close" }).click();
    return (text ?? "").split("\n");
  };

  /** The screens that were drawn since the page was loaded. */
  const screens = async ({ page } = lab) =>
    /** @type {string[]} */ (await page.evaluate("screens"));

  /** Waits until the scroll bar says that there is far more than the screen. */
  const wholePast = ({ page } = lab) =>
    until("all of the past", async () => {
      const slider = page.locator(".scrollbar.vertical > .slider");
      const height = await slider.evaluate((one) => one.clientHeight);
      // Before anything is drawn it has none.
      return height > 0 && height < 30;
    });

  /** @param {string[]} rows @param {{ terminal?: import("./house.mjs").TerminalView }} [options] */
  const shows = (rows, { terminal = host } = {}) =>
    until("the screen as it was", async () => (await terminal.text()) === rows.join("\n"), {
      seen: () => terminal.rows(),
    });

  test("shows its screen and a page above while the past is not there", () =>
    walk(async () => {
      await host.type(`seq ${PAST_LINES}\r`);
      await host.shows(new RegExp(`^${PAST_LINES}$`, "m"));
      await host.prompts();
      const [rows, all] = [await host.rows(), await everything()];
      assert.ok(all.length > SCROLLBACK_LINES, `${all.length} lines`);
      await lab.page.evaluate(() => sessionStorage.setItem("hold", ""));
      await lab.page.reload();
      await lab.ready();
      await shows(rows);
      assert.ok((await everything()).length <= rows.length * 2, "the past came all the same");
      await host.press("Shift+PageUp");
      await host.shows(new RegExp(`^${PAST_LINES - rows.length - 3}$`, "m"));
      const above = await host.rows();
      const before = await screens();
      await lab.page.evaluate("release()");
      await wholePast();
      assert.deepEqual(await host.rows(), above, "the place that somebody read jumped");
      assert.deepEqual(await screens(), before, "the past was seen on its way");
      assert.deepEqual(await everything(), all);
      await host.type("echo still-$((40 + 2))\r");
      await host.shows(/^still-42$/m);
    }));

  test("shows a viewer its screen, too, and the past later", () =>
    walk(async () => {
      await lab.page.locator(".share-button").click();
      await lab.page.getByRole("button", { name: "Make a watch link" }).click();
      const field = lab.page.locator("#share [data-role=viewer] .field");
      await until("a link", async () => await field.inputValue());
      const address = await field.inputValue();
      await lab.page.keyboard.press("Escape");
      await host.type(`seq ${PAST_LINES}\r`);
      await host.shows(new RegExp(`^${PAST_LINES}$`, "m"));
      await host.prompts();
      const [rows, all] = [await host.rows(), await everything()];
      const context = await profile(suite.browser);
      try {
        await context.addInitScript(() => sessionStorage.setItem("hold", ""));
        await watchFrames(context);
        await context.addInitScript(watch);
        const viewer = await LabView.open(context, address);
        await shows(rows, { terminal: viewer.terminal("host") });
        assert.ok((await everything(viewer)).length <= rows.length * 2, "the past came at once");
        const before = await screens(viewer);
        await viewer.page.evaluate("release()");
        await wholePast(viewer);
        assert.deepEqual(await screens(viewer), before, "the past was seen on its way");
        assert.deepEqual(await everything(viewer), all);
        await host.type("echo still-$((40 + 2))\r");
        await viewer.terminal("host").shows(/^still-42$/m);
        assert.deepEqual(viewer.problems, []);
      } finally {
        await context.close();
      }
    }));

  test("finds in its past what a block has printed in a shell that sets no marks", () =>
    walk(async () => {
      await lab.run(0);
      // Where a run began that nobody tells the end of is known when it has settled.
      await lab.card(0).getByText(/prompt is back|quiet/).waitFor();
      await host.type(`seq -f '%.0f of a line that is not short' 4000\r`);
      await host.shows(/^4000 of/m);
      await host.prompts();
      await lab.page.reload();
      await lab.ready();
      await wholePast();
      await lab.card(0).getByRole("button", { name: /^Show output/ }).click();
      await host.pane.locator(".output-mark").waitFor({ state: "attached" });
      await host.shows(/^early-42$/m);
    }));

  test("draws one screen only, whatever sizes its past had", () =>
    walk(async () => {
      for (const width of [1440, 1000, 1200]) {
        await lab.page.setViewportSize({ width, height: 900 });
        const before = await host.rows();
        await until("another size", async () => {
          await host.type("clear; stty size\r");
          return width === 1440 || (await host.rows()).join() !== before.join();
        });
        await host.type(`seq -f '%.0f of a line that is cut off where it is too long, or not' 4000\r`);
        await host.shows(/^4000 of/m);
        await host.prompts();
      }
      const [rows, all] = [await host.rows(), await everything()];
      await lab.page.reload();
      await wholePast();
      await shows(rows);
      assert.deepEqual(await everything(), all);
      const drawn = await screens();
      assert.equal(drawn.length, 1, JSON.stringify(drawn, null, 1));
    }));

  test("loses nothing of a flood, and repeats nothing", () =>
    walk(async () => {
      await host.type(`seq ${FLOOD_LINES}\r`);
      for (let reload = 0; reload < 3; reload += 1) {
        await host.shows(/^\d{5,}$/m);
        await lab.page.reload();
        await lab.ready();
      }
      await host.shows(new RegExp(`^${FLOOD_LINES}$`, "m"), 60_000);
      await host.prompts();
      await wholePast();
      const numbers = (await everything()).filter((line) => /^\d+$/.test(line)).map(Number);
      assert.ok(numbers.length > SCROLLBACK_LINES - 100, `${numbers.length} lines`);
      const first = FLOOD_LINES - numbers.length + 1;
      assert.deepEqual(
        numbers.filter((number, index) => number !== first + index),
        [],
      );
    }));
});
