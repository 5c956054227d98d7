// @ts-check
/**
 * Times katahost's terminals in Chromium, beside plain xterm.js; prints rows of values as JSON for
 * `benches/bench/browser.rs`. The log is the file that KATAHOST_BENCH_LOG_FILE names.
 */

import { cp } from "node:fs/promises";
import { join } from "node:path";
import { watchFrames } from "../tests/browser/frames.mjs";
import {
  House,
  LabView,
  launch,
  profile,
  root,
  temporaryFolder,
  until,
  writeFiles,
  writeShell,
} from "../tests/browser/house.mjs";

const ROUNDS = 3;
const RELOADS = 7;

// As many lines as scrollback keeps, three times: most of them come from the emulator.
const PAST_LINES = 30_000;

const LONG_MS = 120_000;

/**
 * Runs in the page: notes when the socket opened, when the end of the output was drawn, and when the
 * scroll bar showed that far more is above.
 */
function watch() {
  const Native = WebSocket;
  window.WebSocket = class extends Native {
    /** @param {string | URL} url @param {string | string[]} [protocols] */
    constructor(url, protocols) {
      super(url, protocols);
      this.addEventListener("open", () => Object.assign(window, { openedAt: performance.now() }));
    }
  };
  // What is done for a frame is drawn when the next task begins.
  const note = (/** @type {string} */ moment) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => Object.assign(window, { [moment]: performance.now() });
    port2.postMessage(null);
  };
  const look = () => {
    const rows = Array.from(document.querySelectorAll(".xterm-rows > div"));
    if (!rows.some((row) => row.textContent?.includes("THE-END-"))) return;
    if (!Reflect.has(window, "shownAt")) note("shownAt");
    const slider = document.querySelector(".scrollbar.vertical > .slider");
    const height = slider?.clientHeight ?? 0;
    // Before anything is drawn it has none.
    if (height === 0 || height > 30) return;
    note("wholeAt");
    end();
  };
  const end = Reflect.get(window, "onFrame")(look);
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Enter") Object.assign(window, { enteredAt: performance.now() });
    },
    { capture: true },
  );
}

/**
 * Runs in the page: feeds a plain terminal from memory, as much at once as katahost sends. Returns
 * the time till the last line is drawn, in milliseconds.
 * @param {{ cols: number, rows: number }} size
 */
async function feedPlain({ cols, rows }) {
  const log = new Uint8Array(await (await fetch("files/log")).arrayBuffer());
  // A terminal driver sends line ends as two bytes.
  const lines = log.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 0);
  const bytes = new Uint8Array(log.length + lines);
  let end = 0;
  for (const byte of log) {
    if (byte === 10) bytes[end++] = 13;
    bytes[end++] = byte;
  }
  const host = document.createElement("div");
  host.style.cssText = "position: fixed; inset: 0; z-index: 9999";
  document.body.append(host);
  const terminal = new (Reflect.get(window, "Terminal"))({ cols, rows, scrollback: 10_000 });
  terminal.open(host);
  const began = performance.now();
  let waiting = 0;
  let wake = () => {};
  for (let at = 0; at < bytes.length; at += 65536) {
    waiting += 1;
    terminal.write(bytes.subarray(at, at + 65536), () => {
      waiting -= 1;
      wake();
    });
    while (waiting >= 8) await new Promise((done) => (wake = () => done(null)));
  }
  while (waiting > 0) await new Promise((done) => (wake = () => done(null)));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const took = performance.now() - began;
  terminal.dispose();
  host.remove();
  return { took, bytes: bytes.length };
}

const log = process.env["KATAHOST_BENCH_LOG_FILE"] ?? "";
const folder = await temporaryFolder();
const lab = join(folder.path, "lab");
await writeFiles(lab, {
  ".katapod_config.json": JSON.stringify({ layout: { terminals: [{ id: "host" }] } }),
  "intro.md": "# Bench\n",
});
await cp(log, join(lab, "log"));
const shell = await writeShell(folder.path);
const browser = await launch();
const house = await House.open(lab, { shell });

/** A lab's page in a tab of its own, which may be asked anything. */
async function openLab() {
  const context = await profile(browser, { bypassCSP: true });
  context.setDefaultTimeout(LONG_MS);
  await watchFrames(context);
  await context.addInitScript(watch);
  const view = await LabView.open(context, `${house.origin}/labs/lab/${house.url.search}`);
  const terminal = view.terminal("host");
  await terminal.prompts();
  return { context, page: view.page, terminal };
}

/** @param {import("playwright-core").Page} page @param {string} name */
async function moment(page, name) {
  const noted = await page.waitForFunction((name) => Reflect.get(window, name), name, {
    timeout: LONG_MS,
  });
  return Number(await noted.jsonValue());
}

try {
  /** @type {Record<string, Record<string, number[]>>} */
  const rows = {};
  /** @param {string} row @param {string} subject @param {number} value */
  const add = (row, subject, value) => {
    const subjects = rows[row] ?? {};
    rows[row] = { ...subjects, [subject]: [...(subjects[subject] ?? []), value] };
  };

  for (let round = 0; round < ROUNDS; round += 1) {
    const { context, page, terminal } = await openLab();
    await terminal.type("clear; stty size");
    await terminal.press("Enter");
    const size = await until("a size", async () => /^(\d+) (\d+)$/m.exec(await terminal.text()));
    await page.addScriptTag({ path: join(root, "web/node_modules/@xterm/xterm/lib/xterm.js") });
    const plain = await page.evaluate(feedPlain, { rows: Number(size[1]), cols: Number(size[2]) });
    const row = "browser/64 MiB drawn, MB/s";
    await terminal.type("cat log; printf 'THE%s\\n' -END-");
    await terminal.press("Enter");
    const took = (await moment(page, "shownAt")) - (await moment(page, "enteredAt"));
    add(row, "katahost", plain.bytes / 1000 / took);
    add(row, "xterm.js from memory", plain.bytes / 1000 / plain.took);
    await terminal.prompts();
    await terminal.type("clear");
    await terminal.press("Enter");
    await until("a clear screen", async () => !(await terminal.text()).includes("THE-END-"));
    await context.close();
  }

  const { page, terminal } = await openLab();
  await terminal.type(`head -n ${PAST_LINES} log; printf 'THE%s\\n' -END-`);
  await terminal.press("Enter");
  await moment(page, "shownAt");
  for (let reload = 0; reload < RELOADS; reload += 1) {
    await page.reload();
    const [opened, shown] = [await moment(page, "openedAt"), await moment(page, "shownAt")];
    const whole = await moment(page, "wholeAt");
    add("browser/restore of 10,000 lines: screen, ms", "katahost", shown - opened);
    add("browser/restore of 10,000 lines: all of them, ms", "katahost", whole - opened);
    add("browser/reload to restored screen, ms", "katahost", shown);
  }
  process.stdout.write(JSON.stringify(rows));
} finally {
  await browser.close();
  await house.stop();
  await folder.remove();
}
