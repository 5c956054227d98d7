// @ts-check
/** A real katahost, a real browser, and what both are asked in the tests. */

import { spawn } from "node:child_process";
import { access, chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** @import { Browser, BrowserContext, Locator, Page } from "playwright-core" */

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(join(root, "web/package.json"));
/** @type {typeof import("playwright-core")} */
const { chromium } = require("playwright-core");
/** Where axe-core's one file is, to be put into a page. */
export const axeSource = () => require.resolve("axe-core/axe.min.js");

const binary = resolve(root, process.env["KATAHOST_BIN"] ?? "target/debug/katahost");
const chromiumPath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const corpusRoot = resolve(root, process.env["KATAHOST_CORPUS"] ?? "../shared/corpus");

// Far more than anything here needs, even on a loaded machine.
export const DEADLINE_MS = 20_000;
const POLL_MS = 40;

/** @param {number} ms */
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Asks until the answer is truthy, and returns it; says what it waited for when it never is.
 * @template T
 * @param {string} what
 * @param {() => Promise<T> | T} ask
 * @param {{ deadline?: number, seen?: () => Promise<unknown> | unknown }} [options]
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, ask, { deadline = DEADLINE_MS, seen } = {}) {
  const end = performance.now() + deadline;
  for (;;) {
    const answer = await ask();
    if (answer) return /** @type {NonNullable<T>} */ (answer);
    if (performance.now() > end) {
      const found = seen ? `\n${JSON.stringify(await seen(), null, 1)}` : "";
      throw new Error(`waited ${deadline / 1000} s for ${what}${found}`);
    }
    await pause(POLL_MS);
  }
}

/**
 * A scenario of the corpus, or why it is not there. A clone has no corpus beside it; then the tests
 * that need it are skipped, and say so where nobody overlooks it.
 * @param {string} [name]
 * @returns {Promise<{ path: string, skip: false | string }>}
 */
export async function corpus(name = "") {
  const path = join(corpusRoot, name);
  try {
    await access(path);
    return { path, skip: false };
  } catch {
    const skip = `no corpus at ${path}`;
    process.stderr.write(`\n*** SKIPPED: ${skip}; name its folder in KATAHOST_CORPUS ***\n\n`);
    return { path, skip };
  }
}

/** A folder for one test file, removed at its end. */
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), "katahost-browser-"));
  return {
    path,
    remove: () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}

/**
 * Copies a folder and makes the copy writable, which the corpus is not.
 * @param {string} from
 * @param {string} to
 */
export async function copyFolder(from, to) {
  await cp(from, to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(to, { recursive: true, withFileTypes: true })) {
    await chmod(join(entry.parentPath, entry.name), 0o755);
  }
}

/**
 * Writes a scenario of a test's own.
 * @param {string} folder
 * @param {Record<string, string | Uint8Array>} files
 */
export async function writeFiles(folder, files) {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

/**
 * Writes a shell with a fixed prompt, which reads nobody's own settings.
 * @param {string} folder
 */
export async function writeShell(folder) {
  const path = join(folder, "shell");
  const settings = join(folder, "shellrc");
  // Without bracketed paste and history the screen shows only what the test typed.
  await writeFile(settings, "PS1='$ '\nunset HISTFILE\nbind 'set enable-bracketed-paste off'\n");
  await writeFile(path, `#!/bin/bash\nexec bash --noprofile --rcfile '${settings}' -i\n`);
  await chmod(path, 0o755);
  return path;
}

/**
 * Writes a bash with a fixed prompt, which tells what it does: shells are known by their names.
 * @param {string} folder whose `.bashrc` it reads
 */
export async function writeBash(folder) {
  const path = join(folder, "bash");
  await writeFile(join(folder, ".bashrc"), "PS1='$ '\nunset HISTFILE\n");
  await writeFile(path, `#!/bin/sh\nHOME='${folder}' exec /bin/bash "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

/**
 * A code block of a page.
 * @param {string} text
 * @param {object} [header]
 */
export function fence(text, header) {
  const head = header ? `### ${JSON.stringify(header)}\n` : "";
  return `\`\`\`bash\n${head}${text}\n\`\`\`\n\n`;
}

/** A config with terminals of these ids. @param {string[]} ids */
export function terminals(...ids) {
  return JSON.stringify({ layout: { terminals: ids.map((id) => ({ id })) } });
}

/**
 * @typedef {object} HouseOptions
 * @property {string} [shell]
 * @property {number} [port]
 * @property {string} [token]
 * @property {string} [home]
 * @property {string[]} [args]
 * @property {boolean} [trust] whether labs run their on-load commands without asking
 */

/** A running server. */
export class House {
  /** @type {import("node:child_process").ChildProcess} */
  #process;
  /** The address that the server printed, with its token. */
  url;
  /** What the server wrote to standard error. */
  log = "";

  /**
   * @param {import("node:child_process").ChildProcess} child
   * @param {string} url
   */
  constructor(child, url) {
    this.#process = child;
    this.url = new URL(url);
    child.stderr?.on("data", (data) => {
      this.log += data;
    });
  }

  /**
   * Serves a scenario, or a folder of them.
   * @param {string} path
   * @param {HouseOptions} [options]
   */
  static async open(
    path,
    { shell, port = 0, token, home = tmpdir(), args = [], trust = true } = {},
  ) {
    const all = [path, "--listen", `127.0.0.1:${port}`, ...args];
    if (trust) all.push("--trust");
    if (shell) all.push("--shell", shell);
    if (token) all.push("--token", token);
    const env = { PATH: process.env["PATH"], HOME: home, LANG: "C.UTF-8" };
    const child = spawn(binary, all, { env, stdio: ["ignore", "pipe", "pipe"] });
    let printed = "";
    let complained = "";
    const complain = (/** @type {Buffer} */ data) => {
      complained += data;
    };
    child.stderr.on("data", complain);
    const url = await new Promise((found, failed) => {
      const late = setTimeout(
        () => failed(new Error(`no address printed: ${printed}`)),
        DEADLINE_MS,
      );
      child.on("error", failed);
      child.on("exit", (code) => {
        clearTimeout(late);
        failed(new Error(`katahost ended with ${code}: ${complained}`));
      });
      child.stdout.on("data", (data) => {
        printed += data;
        const match = /https?:\/\/\S+/.exec(printed);
        if (!match || !printed.includes("Ctrl-C")) return;
        clearTimeout(late);
        found(match[0]);
      });
    });
    child.stderr.off("data", complain);
    return new House(child, url);
  }

  get port() {
    return Number(this.url.port);
  }

  get origin() {
    return this.url.origin;
  }

  /** Stops as Ctrl-C does; returns the exit code and how long it took. */
  async stop() {
    const began = performance.now();
    const code = await this.#end("SIGINT");
    return { code, ms: performance.now() - began };
  }

  /** @param {NodeJS.Signals} signal */
  async #end(signal) {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = new Promise((done) => child.once("exit", (code) => done(code)));
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), 5000);
    const code = await ended;
    clearTimeout(late);
    return /** @type {number | null} */ (code);
  }
}

/** A wire between the browser and the server that the test can cut. */
export class Wire {
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  #cut = false;
  #held = false;
  #server;
  port = 0;

  /** @param {number} to */
  constructor(to) {
    this.#server = createServer((near) => {
      if (this.#cut) {
        near.destroy();
        return;
      }
      const far = connect(to, "127.0.0.1");
      for (const [one, other] of [
        [near, far],
        [far, near],
      ]) {
        if (!one || !other) continue;
        this.#sockets.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.on("data", (data) => {
          if (!this.#held) other.write(data);
        });
      }
    });
  }

  /** @param {number} to */
  static async to(to) {
    const wire = new Wire(to);
    await new Promise((done) => wire.#server.listen(0, "127.0.0.1", () => done(null)));
    wire.port = /** @type {import("node:net").AddressInfo} */ (wire.#server.address()).port;
    return wire;
  }

  /** Breaks what is open, and lets nothing through. */
  cut() {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Keeps all open, and carries nothing, as a network does that went away without a word. */
  hold() {
    this.#held = true;
  }

  mend() {
    // What was swallowed is missing, so nothing that was open can go on.
    if (this.#held) for (const socket of this.#sockets) socket.destroy();
    this.#held = false;
    this.#cut = false;
  }

  close() {
    this.cut();
    this.#server.close();
  }
}

/**
 * Starts Chromium. Without WebGL, xterm.js draws rows of text that a test can read.
 * @param {{ webgl?: boolean, cache?: boolean }} [options] `cache` is the back-forward cache
 * @returns {Promise<Browser>}
 */
export function launch({ webgl = false, cache = false } = {}) {
  const drawing = webgl
    ? ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    : ["--disable-gpu", "--disable-3d-apis"];
  return chromium.launch({
    executablePath: chromiumPath,
    ignoreDefaultArgs: cache ? ["--disable-back-forward-cache"] : [],
    args: [
      "--no-sandbox",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // Pages must look right without any network, and tests must not depend on it.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      ...drawing,
    ],
  });
}

/** Reads the rows that xterm.js draws; runs in the page. */
function readRows(/** @type {Element} */ pane) {
  return Array.from(pane.querySelectorAll(".xterm-rows > div"), (row) =>
    (row.textContent ?? "").replaceAll("\u00a0", " ").trimEnd(),
  );
}

/** One terminal as a person sees it. */
export class TerminalView {
  /**
   * @param {Page} page
   * @param {string} name
   */
  constructor(page, name) {
    this.page = page;
    this.name = name;
    this.pane = page.getByRole("region", { name, exact: true });
  }

  /** The rows on the screen, empty ones at the end left out. */
  async rows() {
    const rows = await this.pane.evaluate(readRows);
    while (rows.length > 0 && rows.at(-1) === "") rows.pop();
    return rows;
  }

  async text() {
    return (await this.rows()).join("\n");
  }

  /**
   * Waits until the screen holds `text`.
   * @param {string | RegExp} text
   * @param {number} [deadline]
   */
  async shows(text, deadline = DEADLINE_MS) {
    const holds = (/** @type {string} */ screen) =>
      typeof text === "string" ? screen.includes(text) : text.test(screen);
    await until(`${text} in ${this.name}`, async () => holds(await this.text()), {
      deadline,
      seen: () => this.rows(),
    });
  }

  /** Waits until the last row is a prompt. @param {RegExp} [prompt] */
  async prompts(prompt = /[$#] ?$/) {
    await until(
      `a prompt in ${this.name}`,
      async () => prompt.test((await this.rows()).at(-1) ?? ""),
      {
        seen: () => this.rows(),
      },
    );
  }

  /** Brings the keyboard into the terminal. */
  async focus() {
    await this.pane.locator("textarea").focus();
  }

  /** @param {string} text */
  async type(text) {
    await this.focus();
    await this.page.keyboard.type(text);
  }

  /** @param {string} key */
  async press(key) {
    await this.focus();
    await this.page.keyboard.press(key);
  }

  /**
   * All lines, scrollback included, read by scrolling as a person would. Lines must differ from
   * their neighbours for the pages to be put together.
   */
  async lines() {
    await this.focus();
    const read = () => this.pane.evaluate(readRows);
    /** @param {string} key */
    const scroll = async (key) => {
      const before = (await read()).join("\n");
      await this.page.keyboard.press(key);
      for (let tries = 0; tries < 40; tries += 1) {
        await pause(15);
        if ((await read()).join("\n") !== before) return true;
      }
      return false;
    };
    while (await scroll("Shift+PageUp"));
    const lines = await read();
    while (await scroll("Shift+PageDown")) {
      const more = await read();
      let overlap = Math.min(more.length, lines.length);
      while (
        overlap > 0 &&
        lines.slice(-overlap).join("\n") !== more.slice(0, overlap).join("\n")
      ) {
        overlap -= 1;
      }
      lines.push(...more.slice(overlap));
    }
    while (lines.length > 0 && lines.at(-1) === "") lines.pop();
    return lines;
  }
}

/** A lab in a tab. */
export class LabView {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.content = page.locator("#page .page");
    /** What went wrong in the page, other than images of the network. @type {string[]} */
    this.problems = [];
    /** Files of the scenario that the server does not have. @type {string[]} */
    this.missing = [];
    page.on("pageerror", (error) => this.problems.push(`page error: ${error.message}`));
    page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      if (response.status() === 404 && pathname.includes("/files/")) this.missing.push(pathname);
    });
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const { url } = message.location();
      if (this.missing.includes(URL.canParse(url) ? new URL(url).pathname : url)) return;
      const own = url === "" || url.startsWith("http://127.0.0.1");
      // A socket that can't be opened while the server is away is said by Chromium itself.
      if (own && !/net::ERR_|WebSocket connection/.test(message.text())) {
        this.problems.push(`console: ${message.text()} (${url})`);
      }
    });
  }

  /**
   * Opens a lab in a new tab and waits until it is shown.
   * @param {BrowserContext} context
   * @param {string | URL} url
   */
  static async open(context, url) {
    const view = new LabView(await context.newPage());
    await view.page.goto(String(url));
    await view.ready();
    return view;
  }

  async ready() {
    await this.page.locator("#connection[data-state=open]").waitFor({ timeout: DEADLINE_MS });
    await this.content.locator(":scope > *").first().waitFor({ state: "attached" });
  }

  get step() {
    return new URL(this.page.url()).searchParams.get("step");
  }

  /** @param {string} step */
  async showsStep(step) {
    await until(`step ${step}`, () => this.step === step, { seen: () => this.page.url() });
  }

  /** The names of all steps, as the list in the bar has them. */
  async steps() {
    const items = this.page.locator("#step-list .step");
    return await items.evaluateAll((all) =>
      all.map((one) => /** @type {HTMLElement} */ (one).dataset["step"] ?? ""),
    );
  }

  /** Opens a step by the list in the bar. @param {string} step */
  async open(step) {
    await this.page.locator("#step-menu").click();
    await this.page.locator(`#step-list [data-step="${step}"]`).click();
    await this.showsStep(step);
  }

  /** @param {string} name */
  terminal(name) {
    return new TerminalView(this.page, name);
  }

  /** @param {number} index */
  block(index) {
    return this.content.locator(`pre[data-block="${index}"]`);
  }

  /** The frame around a block, with its marks. @param {number} index */
  card(index) {
    return this.content.locator(".block", { has: this.page.locator(`pre[data-block="${index}"]`) });
  }

  /** @param {number} index */
  async state(index) {
    return await this.card(index).getAttribute("data-state");
  }

  /** Waits until a block is marked so. @param {number} index @param {string} state */
  async marked(index, state) {
    await until(`block ${index} marked ${state}`, async () => (await this.state(index)) === state, {
      seen: () => this.card(index).innerText(),
    });
  }

  /** Clicks the code of a block. @param {number} index */
  async run(index) {
    await this.block(index).click();
  }

  /** Clicks a link and waits for the step it leads to. @param {Locator} link @param {string} step */
  async follow(link, step) {
    await link.click();
    await this.showsStep(step);
  }
}

/**
 * A context with one window size, as a new browser profile.
 * @param {Browser} browser
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
export async function profile(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  context.setDefaultTimeout(DEADLINE_MS);
  return context;
}
