// @ts-check
/** A driver and an audience go through a demo: follow, look around, ask, grant, take back, revoke. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { breaches } from "./axe.mjs";
import { DEADLINE_MS, fence, LabView, profile, until, Wire, writeShell } from "./house.mjs";
import { Suite } from "./suite.mjs";

/** @import { House } from "./house.mjs" */

const FENCE = "```";
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const paragraphs = Array.from({ length: 40 }, (_, index) => `Paragraph ${index}.\n`).join("\n");

const SCENARIO = {
  ".katapod_config.json": JSON.stringify({
    layout: { terminals: [{ id: "one" }, { id: "two" }] },
  }),
  "intro.md": `# The first step

${FENCE}bash
echo run-$((40 + 2))
${FENCE}

${FENCE}bash
### two
echo second-$((20 + 2))
${FENCE}

<a href='command:katapod.loadPage?[{"step":"long"}]'>Go on</a>

<a href='command:katapod.sendText?[{"command":"echo by-link","terminalId":"one"}]'>Do it</a>
`,
  "long.md": `# The long step\n\n${paragraphs}\n## The end\n\n${paragraphs}`,
  "shared.md": `# Blocks of one count

${fence("echo one-a-$((1 + 1))", { codeBlockId: "same" })}
${fence("echo one-b-$((1 + 1))", { codeBlockId: "same" })}
${fence("echo one-c-$((1 + 1))")}
`,
  "aside.md": `# An aside\n\nTo be read alone. <a href='command:katapod.loadPage?[{"step":"intro"}]'>Back</a>`,
};

describe("an audience", () => {
  const suite = new Suite();
  /** @type {House} */
  let house;
  /** @type {Wire} */
  let wire;
  /** @type {LabView} */
  let driver;

  before(async () => {
    const shell = await writeShell(suite.path);
    house = await suite.serve(await suite.write("demo", SCENARIO), { shell });
    wire = await Wire.to(house.port);
    const context = await profile(suite.browser);
    driver = await LabView.open(context, house.url);
    await driver.terminal("one").prompts();
  });

  after(() => wire?.close());

  /** Makes a link in the driver's panel. @param {"watch" | "remote"} kind */
  async function makeLink(kind) {
    const panel = driver.page.locator("#share");
    if (!(await panel.isVisible())) await driver.page.locator(".share-button").click();
    await panel.getByRole("button", { name: `Make a ${kind} link` }).click();
    const field = panel.locator(`[data-role=${kind === "watch" ? "viewer" : "remote"}] .field`);
    const address = await field.last().inputValue();
    await driver.page.keyboard.press("Escape");
    return address;
  }

  /**
   * @param {string} address
   * @param {import("playwright-core").BrowserContextOptions} [options]
   */
  async function watch(address, options = {}) {
    return await LabView.open(await profile(suite.browser, options), address);
  }

  /** @param {LabView} lab @param {string | RegExp} name */
  const button = (lab, name) => lab.page.getByRole("button", { name });

  /** @param {LabView} lab @param {string | RegExp} text */
  const bar = (lab, text) =>
    lab.page.locator("#watching").getByText(text).first().waitFor({ timeout: DEADLINE_MS });

  /** @param {LabView} lab */
  const scrolled = (lab) => lab.page.locator("#steps").evaluate((steps) => steps.scrollTop);

  /** @param {LabView} lab @param {string} step */
  const loads = (lab, step) => lab.open(step);

  /** The first paragraph that is seen. @param {LabView} lab */
  const top = (lab) =>
    lab.content.evaluate((content) => {
      const edge = document.querySelector("#steps")?.getBoundingClientRect().top ?? 0;
      for (const child of content.children) {
        if (child.getBoundingClientRect().bottom > edge + 1) return child.textContent;
      }
      return "";
    });

  /** @param {string} what @param {LabView} lab */
  async function passesAxe(what, lab) {
    const found = await breaches(lab.page, { exclude: [".xterm"] });
    assert.deepEqual(found, [], what);
  }

  test("follows the driver, looks around, gets the keyboard and loses it", async () => {
    const address = await makeLink("watch");
    const first = await watch(address);
    const second = await watch(address);
    await driver.page.locator(".share-count").getByText("2").waitFor();
    await bar(first, "following the presenter");

    // Where the driver goes, they go: step, scroll position, terminal.
    await loads(driver, "long");
    await first.showsStep("long");
    await second.showsStep("long");
    await driver.page.locator("#steps").hover();
    await driver.page.mouse.wheel(0, 900);
    const there = await until("the driver to be further down", async () =>
      (await scrolled(driver)) > 500 ? top(driver) : null,
    );
    for (const viewer of [first, second]) {
      await until(`a viewer at ${there}`, async () => (await top(viewer)) === (await top(driver)), {
        seen: () => top(viewer),
      });
    }

    // Who scrolls looks around, and catches up with one click.
    await first.page.locator("#steps").hover();
    await first.page.mouse.wheel(0, -2000);
    await bar(first, /the presenter is at “The long step”/);
    await first.open("aside");
    assert.equal(driver.step, "long");
    await loads(driver, "intro");
    await second.showsStep("intro");
    await bar(first, /the presenter is at “The first step”/);
    assert.equal(first.step, "aside");
    await first.page.reload();
    await first.ready();
    await first.showsStep("aside");
    // Another visit by the same browser, such as next week's, begins where the driver is.
    const again = await LabView.open(first.page.context(), address);
    await bar(again, "following the presenter");
    await again.showsStep("intro");
    await again.page.close();
    await button(first, "Follow").click();
    await first.showsStep("intro");
    await bar(first, "following the presenter");

    // A block that runs is seen by all; nobody but the driver can run one.
    await driver.run(0);
    await driver.terminal("one").shows("run-42");
    await first.terminal("one").shows("run-42");
    await second.terminal("one").shows("run-42");
    await first.run(0);
    await first.content.getByText("ask for the keyboard to run blocks").waitFor();
    const link = first.content.getByRole("link", { name: "Do it" });
    assert.equal(await link.getAttribute("aria-disabled"), "true");
    await first.content.getByRole("link", { name: "Go on" }).click();
    await first.showsStep("long");
    assert.equal(driver.step, "intro");
    await button(first, "Follow").click();
    await first.showsStep("intro");

    // What a program copies comes to the clipboards of those who may type, and to no others.
    const copied = await first.page.evaluateHandle(() => {
      /** @type {string[]} */
      const texts = [];
      navigator.clipboard.writeText = async (text) => {
        texts.push(text);
      };
      return texts;
    });
    const copies = (/** @type {string} */ text) =>
      `printf '\\033]52;c;%s\\007copied-%s\\n' $(printf ${text} | base64) ${text}\r`;
    await driver.terminal("two").type(copies("watched"));
    await first.terminal("two").shows(/^copied-watched/m);
    assert.deepEqual(await copied.jsonValue(), []);

    // A wish that is declined, and one that is granted.
    await first.page.getByRole("button", { name: "Your name" }).click();
    await first.page.getByLabel("Your name, for the presenter to see").fill("Ada");
    await first.page.getByRole("button", { name: "Save" }).click();
    await button(first, "Ask for the keyboard").click();
    await driver.page.locator(".notice").getByText("Ada asks for the keyboard").waitFor();
    await driver.page.locator(".notice").getByRole("button", { name: "Decline" }).click();
    await bar(first, "The presenter keeps the keyboard for now");
    await button(first, "Ask for the keyboard").click();
    await driver.page.locator(".notice").getByRole("button", { name: "Grant" }).click();
    await bar(first, "You have the keyboard");
    await driver.page.getByRole("button", { name: "Ada has the keyboard" }).waitFor();
    await driver.page.locator(".notice").waitFor({ state: "detached" });
    await first.terminal("two").type("echo by-guest-$((1 + 1))\r");
    for (const lab of [first, second, driver]) await lab.terminal("two").shows("by-guest-2");
    await first.terminal("two").type(copies("typed"));
    await until("the guest's clipboard", async () => (await copied.jsonValue()).includes("typed"));

    await driver.page.getByRole("button", { name: "Ada has the keyboard" }).click();
    await bar(first, "following the presenter");
    await first.terminal("two").type("echo refused\r");
    await first.terminal("two").pane.getByText("ask for the keyboard to type").waitFor();
    await driver.terminal("two").type("echo after-$((2 + 2))\r");
    await second.terminal("two").shows("after-4");
    assert.doesNotMatch(await driver.terminal("two").text(), /refused/);

    // Who comes late is at once where the driver is.
    const late = await watch(address);
    await late.showsStep("intro");
    await late.terminal("two").shows("after-4");

    // A link that is revoked ends for all who came by it.
    await driver.page.locator(".share-button").click();
    await driver.page.getByRole("button", { name: "Revoke: Watch link" }).click();
    await driver.page.locator(".share-revoking").getByRole("button", { name: "Revoke" }).click();
    for (const viewer of [first, second, late]) {
      await viewer.page
        .locator("#banner")
        .getByText("this link is no longer valid", { exact: false })
        .or(viewer.page.getByText("This link is no longer valid."))
        .first()
        .waitFor();
      assert.equal(await viewer.page.getByRole("button", { name: "Try now" }).count(), 0);
      assert.deepEqual(viewer.problems, []);
      await viewer.page.context().close();
    }
    await driver.page.locator("#share").getByText("Nobody watches yet.").waitFor();
    await driver.page.keyboard.press("Escape");
    assert.deepEqual(driver.problems, []);
  });

  test("a stalled viewer slows nobody, and has the right screen in the end", async () => {
    const address = await makeLink("watch");
    const quick = await watch(address);
    const slow = new URL(address);
    slow.port = String(wire.port);
    const stalled = await watch(slow.href);
    await stalled.terminal("one").prompts();
    wire.hold();
    await driver.terminal("one").type("clear; seq 1 200000; echo end-$((1 + 1))\r");
    await driver.terminal("one").shows("end-2");
    await quick.terminal("one").shows("end-2");
    assert.doesNotMatch(await stalled.terminal("one").text(), /end-2/);
    wire.mend();
    await stalled.terminal("one").shows("end-2", 60_000);
    assert.deepEqual(await stalled.terminal("one").rows(), await quick.terminal("one").rows());
    await quick.page.context().close();
    await stalled.page.context().close();
  });

  test("a phone watches, and is told of when a terminal is cut off", async () => {
    const address = await makeLink("watch");
    const phone = await watch(address, PHONE);
    await bar(phone, "following the presenter");
    const overflow = await phone.page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
    await driver.run(0);
    await phone.page.locator("#workspace.shows-terminal").waitFor();
    await driver.page.locator(".share-button").click();
    await driver.page.locator("#share").getByText("too small to read, or cut off").waitFor();
    await driver.page.keyboard.press("Escape");
    await passesAxe("viewer on a phone", phone);
    // One phone is not worth a word; three of three viewers are, once.
    const warning = driver.page.locator(".notice").getByText("see a terminal too small to read");
    const share = driver.page.locator(".share-button");
    assert.equal(await warning.count(), 0);
    assert.doesNotMatch((await share.textContent()) ?? "", /too little/);
    const phones = [phone, await watch(address, PHONE), await watch(address, PHONE)];
    await driver.page.getByRole("button", { name: /3 watching, 3 see too little/ }).waitFor();
    await warning.waitFor();
    await passesAxe("driver with an audience of phones", driver);
    await driver.page.locator(".notice").getByRole("button", { name: "Dismiss" }).click();
    phones.push(await watch(address, PHONE));
    await driver.page.getByRole("button", { name: /4 watching, 4 see too little/ }).waitFor();
    assert.equal(await warning.count(), 0);
    for (const one of phones) await one.page.context().close();
    await driver.page.getByRole("button", { name: "Share", exact: true }).waitFor();
  });

  test("a remote control runs blocks and goes through the steps", async () => {
    const address = await makeLink("remote");
    await loads(driver, "long");
    await loads(driver, "intro");
    const page = await (await profile(suite.browser, PHONE)).newPage();
    const remote = new LabView(page);
    await page.goto(address);
    await page.getByRole("heading", { name: "The first step", level: 2 }).waitFor();
    await page.locator(".remote-next").getByText("echo run").waitFor();
    const run = page.getByRole("button", { name: "Run the next block" });
    const runs = await driver.card(1).innerText();
    // A double tap is one run.
    await run.dblclick();
    await page.locator(".remote-result").getByText("Ran in one").waitFor();
    await page.locator(".remote-next").getByText("echo second").waitFor();
    assert.equal(await driver.card(1).innerText(), runs);
    await until("the button to be ready", async () => {
      await run.click();
      return await page.locator(".remote-result").getByText("Ran in two").isVisible();
    });
    await driver.terminal("two").shows("second-22");
    await until("the next step", async () => {
      await page.getByRole("button", { name: "Next step" }).click();
      return driver.step !== "intro";
    });
    await page.getByRole("heading", { name: "The long step", level: 2 }).waitFor();
    await until("a refusal", async () => {
      await run.click();
      return await page.locator(".remote-refused").isVisible();
    });
    for (const scheme of /** @type {const} */ (["light", "dark"])) {
      await page.emulateMedia({ colorScheme: scheme });
      await passesAxe(`remote, ${scheme}`, remote);
    }
    await page.context().close();
  });

  test("a remote control runs the block that it shows, among blocks that share a count", async () => {
    const address = await makeLink("remote");
    await loads(driver, "shared");
    const page = await (await profile(suite.browser, PHONE)).newPage();
    /** @type {string[]} */
    const sent = [];
    page.on("websocket", (socket) =>
      socket.on("framesent", ({ payload }) => sent.push(String(payload))),
    );
    await page.goto(address);
    const next = page.locator(".remote-next");
    await next.getByText("one-a").waitFor();
    await driver.run(0);
    await next.getByText("one-b").waitFor();
    await page.getByRole("button", { name: "Run the next block" }).click();
    await driver.terminal("one").shows("one-b-2");
    await next.getByText("one-c").waitFor();
    // The server refuses where another block would be the next by now.
    const call = sent.find((text) => text.includes("katahost.runNextBlock")) ?? "{}";
    assert.deepEqual(JSON.parse(call).params.arguments, [{ whenBusy: "ask", block: 1 }]);
    await page.context().close();
  });

  test("keys present, and the presenter layout is remembered and left cleanly", async () => {
    await loads(driver, "intro");
    await driver.terminal("one").press("Control+Shift+ArrowRight");
    await driver.showsStep("long");
    await driver.page.keyboard.press("Control+Shift+ArrowLeft");
    await driver.showsStep("intro");
    await driver.page.locator("#steps").focus();
    await driver.page.keyboard.press("p");
    const presenting = driver.page.locator("body.presenting");
    await presenting.waitFor();
    await driver.page.reload();
    await driver.ready();
    await presenting.waitFor();
    await loads(driver, "aside");
    await driver.page.locator("#steps").focus();
    await driver.page.keyboard.press("PageUp");
    await driver.showsStep("intro");
    await until("the step that comes next", async () => {
      await driver.page.keyboard.press("PageDown");
      return driver.step === "long";
    });
    await loads(driver, "intro");
    for (const scheme of /** @type {const} */ (["light", "dark"])) {
      await driver.page.emulateMedia({ colorScheme: scheme });
      await passesAxe(`presenter layout, ${scheme}`, driver);
    }
    await driver.page.keyboard.press("?");
    await driver.page.getByRole("dialog", { name: "Keys" }).waitFor();
    await passesAxe("keys", driver);
    await driver.page.keyboard.press("Escape");
    // As with Caps Lock.
    await driver.page.keyboard.press("P");
    await presenting.waitFor({ state: "detached" });
  });

  test("panel, full-screen code and the viewer's page pass axe in both themes", async () => {
    const address = await makeLink("watch");
    const viewer = await watch(address);
    await button(viewer, "Ask for the keyboard").click();
    await driver.page.locator(".share-button").click();
    await driver.page.getByRole("button", { name: /^Grant: Viewer/ }).waitFor();
    for (const scheme of /** @type {const} */ (["light", "dark"])) {
      await driver.page.emulateMedia({ colorScheme: scheme });
      await viewer.page.emulateMedia({ colorScheme: scheme });
      await passesAxe(`panel, ${scheme}`, driver);
      await passesAxe(`viewer, ${scheme}`, viewer);
    }
    const shown = driver.page.locator(".share-open");
    if ((await shown.count()) === 0)
      await button(driver, /^Show: Watch/)
        .first()
        .click();
    await button(driver, "Full screen").click();
    const code = driver.page.locator("#projection .qr");
    await until("the code", () =>
      code.evaluate((image) => /** @type {HTMLImageElement} */ (image).naturalWidth > 0),
    );
    // Who can't scan it types it, and comes in.
    assert.equal(await driver.page.locator(".projection-address").innerText(), address);
    await passesAxe("full-screen code", driver);
    await driver.page.keyboard.press("Escape");
    await driver.page.locator("#projection[open]").waitFor({ state: "detached" });
    // A remote link is for one phone: a screen that all see shows it only on demand.
    const panel = driver.page.locator("#share");
    if (!(await panel.isVisible())) await driver.page.locator(".share-button").click();
    await panel.getByRole("button", { name: "Make a remote link" }).click();
    const remote = panel.locator(".share-open[data-role=remote]");
    await remote.waitFor();
    for (const hidden of [".field", ".qr"]) {
      assert.equal(await remote.locator(hidden).isVisible(), false);
    }
    assert.equal(await button(driver, "Full screen").count(), 0);
    await remote.getByText("Show its address and QR code").click();
    await remote.locator(".qr").waitFor();
    await passesAxe("panel with a remote link", driver);
    await driver.page.keyboard.press("Escape");
    await viewer.page.context().close();
    assert.deepEqual(driver.problems, []);
  });
});
