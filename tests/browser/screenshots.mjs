// @ts-check
/**
 * Draws every kind of page and state at three widths, light and dark, for people to look at:
 * `node tests/browser/screenshots.mjs [folder] [scene…]`, else all to tests/browser/output/.
 */

import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  copyFolder,
  House,
  LabView,
  launch,
  pause,
  profile,
  root,
  temporaryFolder,
  Wire,
  writeFiles,
  writeShell,
} from "./house.mjs";

const FENCE = "```";
const [folder = join(root, "tests/browser/output"), ...wanted] = process.argv.slice(2);
const out = resolve(folder);
// Long enough for a flash of a terminal and a fade of a mark to end.
const SETTLE_MS = 1500;

const TROUBLES = {
  ".katapod_config.json": JSON.stringify({ layout: { terminals: [{ id: "shell" }] } }),
  "intro.md": `# Where things go wrong

A limit that is reached, a link to a page that is not there, and a shell that ends.

${FENCE}bash
### {"maxInvocations": 1}
echo once, and no more
${FENCE}

<a href='command:katapod.loadPage?[{"step":"nowhere"}]'>A page that is missing</a>

${FENCE}bash
exit 3
${FENCE}

${FENCE}bash
### {"execute": false}
rm -rf /somewhere
${FENCE}
`,
};

await mkdir(out, { recursive: true });
const { path, remove } = await temporaryFolder();
const shell = await writeShell(path);
const labs = join(path, "labs");
for (const name of ["quickstart", "zero-downtime-migration"]) {
  await copyFolder(join(root, "scenarios", name), join(labs, name));
}
await writeFiles(join(labs, "troubles"), TROUBLES);
const house = await House.open(labs, { shell, home: path });
const browser = await launch();

/** @typedef {import("playwright-core").BrowserContext} BrowserContext */
/** @typedef {import("playwright-core").Page} Page */

/** @param {BrowserContext} context @param {string} name @param {string} [step] */
const lab = (context, name, step) =>
  LabView.open(context, `${house.origin}/labs/${name}/${step ? `?step=${step}` : ""}`);

/** @param {LabView} view @param {string} name */
async function tab(view, name) {
  const button = view.page.locator("#tabs").getByRole("button", { name, exact: true });
  if (await button.isVisible()) await button.click();
}

/** @param {LabView} view @param {number[]} blocks */
async function run(view, blocks) {
  for (const block of blocks) {
    await tab(view, "Steps");
    await view.run(block);
    await pause(400);
  }
  await pause(SETTLE_MS);
}

/** @param {LabView} view @param {"watch" | "remote"} kind */
async function share(view, kind) {
  await view.page.locator(".share-button").click();
  await view.page.getByRole("button", { name: `Make a ${kind} link` }).click();
  await view.page.locator("#share .qr").waitFor({ state: "attached" });
}

/** @type {Record<string, (context: BrowserContext) => Promise<Page>>} */
const SCENES = {
  start: async (context) => {
    const page = await context.newPage();
    await page.goto(house.url.href);
    return page;
  },
  "message-404": async (context) => {
    const page = await context.newPage();
    await page.goto(`${house.origin}/labs/none/`);
    return page;
  },
  "message-token": async (context) => {
    await context.clearCookies();
    const page = await context.newPage();
    await page.goto(`${house.origin}/?token=wrong`);
    return page;
  },
  intro: async (context) => (await lab(context, "zero-downtime-migration", "intro")).page,
  blocks: async (context) => {
    const view = await lab(context, "zero-downtime-migration", "step1");
    await run(view, [0, 1, 2]);
    await tab(view, "Steps");
    return view.page;
  },
  terminal: async (context) => {
    const view = await lab(context, "zero-downtime-migration", "step1");
    await tab(view, "client");
    await view.terminal("client").focus();
    return view.page;
  },
  table: async (context) => {
    const view = await lab(context, "quickstart", "step5");
    for (const summary of await view.content.locator("summary").all()) await summary.click();
    return view.page;
  },
  missing: async (context) => (await lab(context, "troubles", "nowhere")).page,
  limit: async (context) => {
    const view = await lab(context, "troubles", "intro");
    await run(view, [0]);
    await run(view, [0]);
    await tab(view, "Steps");
    await view.content.getByRole("link", { name: "A page" }).click();
    await pause(300);
    return view.page;
  },
  ended: async (context) => {
    const view = await lab(context, "troubles", "intro");
    await run(view, [1]);
    await tab(view, "shell");
    return view.page;
  },
  "no-shell": async (context) => {
    const house = await House.open(join(labs, "troubles"), { shell, home: path });
    await rm(shell);
    const view = await LabView.open(context, house.url);
    await tab(view, "shell");
    await pause(SETTLE_MS);
    await writeShell(path);
    setTimeout(() => house.stop(), 4000);
    return view.page;
  },
  lost: async (context) => {
    const wire = await Wire.to(house.port);
    const url = new URL(`/labs/zero-downtime-migration/?step=step2`, house.url);
    url.port = String(wire.port);
    const view = await LabView.open(context, url);
    await pause(SETTLE_MS);
    wire.close();
    await view.page.locator("#banner").getByText("Not connected").waitFor();
    await pause(SETTLE_MS);
    return view.page;
  },
  text: async (context) => {
    const view = await lab(context, "zero-downtime-migration", "step1");
    await tab(view, "host");
    await view.page.getByRole("button", { name: "Read host as text" }).click();
    return view.page;
  },
  "view-menu": async (context) => {
    const view = await lab(context, "quickstart", "step1");
    await view.page.getByRole("button", { name: "Settings and more" }).click();
    return view.page;
  },
  share: async (context) => {
    const view = await lab(context, "quickstart", "step1");
    await share(view, "watch");
    return view.page;
  },
  "share-remote": async (context) => {
    const view = await lab(context, "quickstart", "step1");
    await share(view, "remote");
    await view.page.getByText("Show its address and QR code").click();
    return view.page;
  },
  projection: async (context) => {
    const view = await lab(context, "quickstart", "step1");
    await share(view, "watch");
    await view.page.getByRole("button", { name: "Full screen" }).click();
    return view.page;
  },
  "step-list": async (context) => {
    const view = await lab(context, "quickstart", "step2");
    await view.page.locator("#step-menu").click();
    return view.page;
  },
  find: async (context) => {
    const view = await lab(context, "quickstart", "step1");
    await view.page.getByRole("button", { name: /^Find in this step/ }).click();
    await view.page.keyboard.type("terminal");
    const find = view.page.getByRole("button", { name: /^Find in/ }).last();
    if (await find.isVisible()) {
      await find.click();
      await view.page.keyboard.type("$");
    }
    await pause(300);
    return view.page;
  },
  "start-over": async (context) => {
    const view = await lab(context, "quickstart", "step1");
    await view.page.getByRole("button", { name: "Start the lab over" }).click();
    return view.page;
  },
};

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  for (const width of [1440, 1024, 390]) {
    const viewport = { width, height: width === 390 ? 844 : 900 };
    for (const [name, draw] of Object.entries(SCENES)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      const phone = width === 390;
      const context = await profile(browser, {
        colorScheme,
        viewport,
        hasTouch: phone,
        isMobile: phone,
      });
      const first = await context.newPage();
      await first.goto(house.url.href);
      try {
        const page = await draw(context);
        await pause(300);
        await page.screenshot({ path: join(out, `${name}-${width}-${colorScheme}.png`) });
      } catch (error) {
        process.stderr.write(`${name} at ${width} in ${colorScheme}: ${error}\n`);
      }
      await context.close();
    }
  }
}
await browser.close();
await house.stop();
await remove();
