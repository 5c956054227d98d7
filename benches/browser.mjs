// @ts-check
/** Times katahost in Chromium; prints rows of values as JSON for `benches/bench/browser.rs`. */

import { cp } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import {
  House,
  LabView,
  launch,
  profile,
  root,
  temporaryFolder,
  writeShell,
} from "../tests/browser/house.mjs";

const OPENINGS = 5;
const WALKS = 3;

/** Runs in the page: notes the moment at which the page is shown and a terminal prompts. */
function watch() {
  const look = () => {
    const page = document.querySelector("#page")?.shadowRoot?.querySelector(".page > *");
    const rows = Array.from(document.querySelectorAll(".xterm-rows > div"));
    if (page && rows.some((row) => /[$#]\s*$/.test(row.textContent ?? ""))) {
      Object.assign(window, { interactiveAfter: performance.now() });
    } else {
      requestAnimationFrame(look);
    }
  };
  requestAnimationFrame(look);
}

/**
 * Runs in the page: follows the last link to another step, and waits until that is drawn. Returns
 * the time in milliseconds, or null where no link leads on.
 * @param {string[]} seen
 */
function followNext(seen) {
  const shadow = document.querySelector("#page")?.shadowRoot;
  const before = shadow?.querySelector(".page");
  const links = Array.from(shadow?.querySelectorAll("a[data-link]") ?? []);
  const link = links.at(-1);
  if (!shadow || !before || !(link instanceof HTMLElement)) return Promise.resolve(null);
  return new Promise((done) => {
    const began = performance.now();
    const look = () => {
      if (shadow.querySelector(".page") !== before) {
        // The next frame's beginning is this one's end.
        requestAnimationFrame(() => {
          const step = new URL(location.href).searchParams.get("step") ?? "";
          done(seen.includes(step) ? null : { step, ms: performance.now() - began });
        });
      } else if (performance.now() - began > 5000) {
        done(null);
      } else {
        requestAnimationFrame(look);
      }
    };
    requestAnimationFrame(look);
    link.click();
  });
}

const folder = await temporaryFolder();
const lab = join(folder.path, "quickstart");
await cp(join(root, "scenarios/quickstart"), lab, { recursive: true });
const shell = await writeShell(folder.path);
const browser = await launch();
const house = await House.open(lab, { shell });
try {
  /** @type {number[]} */
  const interactive = [];
  /** @type {Map<string, Buffer>} */
  const files = new Map();
  for (let opening = 0; opening < OPENINGS; opening += 1) {
    const context = await profile(browser);
    await context.addInitScript(watch);
    const page = await context.newPage();
    page.on("response", async (response) => {
      const { origin, pathname } = new URL(response.url());
      if (origin !== house.origin || pathname.includes("/files/") || !response.ok()) return;
      // A redirect has no body.
      files.set(pathname, await response.body().catch(() => Buffer.alloc(0)));
    });
    await page.goto(`${house.origin}/labs/quickstart/${house.url.search}`);
    const noted = await page.waitForFunction(() => Reflect.get(window, "interactiveAfter"));
    interactive.push(Number(await noted.jsonValue()));
    await page.waitForLoadState("networkidle");
    await context.close();
  }
  /** @type {number[]} */
  const opened = [];
  for (let walk = 0; walk < WALKS; walk += 1) {
    const context = await profile(browser);
    const view = await LabView.open(
      context,
      `${house.origin}/labs/quickstart/${house.url.search}&step=intro`,
    );
    const seen = ["intro"];
    for (;;) {
      const next = await view.page.evaluate(followNext, seen);
      if (!next) break;
      seen.push(next.step);
      opened.push(next.ms);
    }
    await context.close();
  }
  const bodies = [...files.values()].filter((body) => body.length > 0);
  /** @param {(body: Buffer) => Buffer} squeeze */
  const kilobytes = (squeeze) => [
    bodies.reduce((sum, body) => sum + squeeze(body).length, 0) / 1000,
  ];
  const rows = {
    "browser/navigation to page and prompt, ms": { katahost: interactive },
    "browser/click to next page drawn, ms": { katahost: opened },
    "size/lab page plain, kB": { katahost: kilobytes((body) => body) },
    "size/lab page gzip, kB": { katahost: kilobytes((body) => gzipSync(body)) },
    "size/lab page brotli, kB": { katahost: kilobytes((body) => brotliCompressSync(body)) },
  };
  process.stderr.write(`files of the lab page: ${[...files.keys()].join(" ")}\n`);
  process.stdout.write(JSON.stringify(rows));
} finally {
  await browser.close();
  await house.stop();
  await folder.remove();
}
