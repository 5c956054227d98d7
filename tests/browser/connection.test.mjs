// @ts-check
/** The state of the connection is true, and a lost one comes back as soon as it can. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { LabView, profile, until, Wire, writeShell } from "./house.mjs";
import { Suite } from "./suite.mjs";

/** @import { House } from "./house.mjs" */

describe("the connection", () => {
  const suite = new Suite({ cache: true });
  /** @type {House} */
  let house;
  /** @type {Wire} */
  let wire;
  /** @type {string} */
  let url;

  before(async () => {
    const shell = await writeShell(suite.path);
    const files = { "intro.md": "# Lab", ".katapod_config.json": "{}" };
    house = await suite.serve(await suite.write("lab", files), { shell });
    wire = await Wire.to(house.port);
    const through = new URL(house.url);
    through.port = String(wire.port);
    url = through.href;
  });

  after(() => wire?.close());

  /** @param {LabView} lab @param {string} type */
  const fire = (lab, type) =>
    lab.page.evaluate((name) => window.dispatchEvent(new Event(name)), type);

  /** @param {LabView} lab @param {string} state */
  const shows = (lab, state) => lab.page.locator(`#connection[data-state=${state}]`).waitFor();

  /**
   * Waits until the page has said that the connection is lost, which the next try soon hides.
   * @param {LabView} lab @param {() => unknown} cause
   */
  async function saysItFellSilent(lab, cause) {
    const said = lab.page.evaluate(
      () =>
        new Promise((done, failed) => {
          setTimeout(() => failed(new Error("nothing was said for 40 s")), 40_000);
          const look = () => {
            const lost = document.querySelector("#connection[data-state=lost]");
            const banner = document.querySelector("#banner");
            if (lost && banner?.textContent?.includes("fell silent")) done(null);
          };
          const changes = { subtree: true, childList: true, attributes: true, characterData: true };
          new MutationObserver(look).observe(document.body, changes);
        }),
    );
    await cause();
    await said;
  }

  test("is opened again at once when the network comes back", async () => {
    const context = await profile(suite.browser);
    const lab = await LabView.open(context, url);
    wire.cut();
    await shows(lab, "lost");
    // After a few tries the next one is seconds away.
    await until("a long wait", async () =>
      /in [4-8] s/.test(await lab.page.locator("#banner").innerText()),
    );
    wire.mend();
    const began = performance.now();
    await fire(lab, "online");
    await shows(lab, "open");
    assert.ok(performance.now() - began < 2500);
    assert.equal(await lab.page.locator("#banner").isVisible(), false);
    await context.close();
  });

  test("is kept when an answer about an earlier attempt comes late", async () => {
    const context = await profile(suite.browser);
    await context.addInitScript(() => {
      const ask = window.fetch;
      window.fetch = (input, init) => {
        if (init?.method !== "HEAD") return ask(input, init);
        return new Promise((_, failed) => {
          Object.assign(window, { failLate: () => failed(new TypeError("late")) });
        });
      };
    });
    const lab = await LabView.open(context, url);
    let sockets = 0;
    lab.page.on("websocket", () => {
      sockets += 1;
    });
    const fail = () => lab.page.evaluate("window.failLate?.() ?? 'failLate' in window");
    wire.cut();
    await until("a question why", () => lab.page.evaluate("'failLate' in window"));
    wire.mend();
    // Leaving the page gives the attempt up, and coming back begins another.
    await fire(lab, "pagehide");
    await fire(lab, "pageshow");
    await shows(lab, "open");
    const before = sockets;
    assert.equal(await fail(), true);
    await lab.terminal("cqlsh-editor").type("echo kept-$((2 + 2))\r");
    await lab.terminal("cqlsh-editor").shows("kept-4");
    await shows(lab, "open");
    assert.equal(sockets, before);
    await context.close();
  });

  test("is never called connected while nobody answers", async () => {
    const context = await profile(suite.browser);
    const lab = await LabView.open(context, url);
    const pill = lab.page.locator("#connection");
    await saysItFellSilent(lab, async () => {
      wire.hold();
      await fire(lab, "offline");
      await pill.getByText("Checking").waitFor();
    });
    wire.mend();
    await fire(lab, "online");
    await shows(lab, "open");
    // A network that went is not always the one that leads to the lab.
    await fire(lab, "offline");
    await pill.getByText("Connected", { exact: true }).waitFor();
    await context.close();
  });

  test("silence is noticed without any event", async () => {
    const context = await profile(suite.browser);
    const lab = await LabView.open(context, url);
    await saysItFellSilent(lab, () => wire.hold());
    wire.mend();
    await shows(lab, "open");
    await context.close();
  });

  test("is opened again when the browser goes back to the page", async () => {
    const context = await profile(suite.browser);
    const lab = await LabView.open(context, url);
    await lab.terminal("cqlsh-editor").type("echo kept-$((1 + 1))\r");
    await lab.terminal("cqlsh-editor").shows("kept-2");
    await lab.page.evaluate(() => {
      const own = /** @type {{ persisted?: boolean }} */ (/** @type {unknown} */ (window));
      window.addEventListener("pageshow", (event) => {
        own.persisted = event.persisted;
      });
    });
    await lab.page.goto(new URL("/labs/none/", url).href);
    // A page from the cache is not loaded, so there is no event of that to wait for.
    await lab.page.goBack({ waitUntil: "commit" });
    await shows(lab, "open");
    const persisted = await lab.page.evaluate(
      () => /** @type {{ persisted?: boolean }} */ (/** @type {unknown} */ (window)).persisted,
    );
    assert.equal(persisted, true);
    await lab.terminal("cqlsh-editor").shows("kept-2");
    await lab.terminal("cqlsh-editor").type("echo more-$((1 + 1))\r");
    await lab.terminal("cqlsh-editor").shows("more-2");
    await context.close();
  });
});
