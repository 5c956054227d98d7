// @ts-check
/**
 * Draws all pages of two scenarios of the corpus, for people to look at:
 * `node tests/browser/screenshots.mjs` writes them to tests/browser/output/.
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  corpus,
  House,
  LabView,
  launch,
  pause,
  profile,
  root,
  temporaryFolder,
  writeShell,
} from "./house.mjs";

const found = await corpus();
if (found.skip) process.exit(0);
const out = join(root, "tests/browser/output");
await mkdir(out, { recursive: true });
const { path, remove } = await temporaryFolder();
const house = await House.open(found.path, { shell: await writeShell(path), home: path });
const browser = await launch();

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  for (const width of [1440, 1024, 390]) {
    const viewport = { width, height: width === 390 ? 844 : 900 };
    const context = await profile(browser, { colorScheme, viewport });
    const start = await context.newPage();
    await start.goto(house.url.href);
    await start.screenshot({ path: join(out, `start-${width}-${colorScheme}.png`) });
    for (const name of ["zdm-scenario-katapod", "katapod-demo-scenario"]) {
      const lab = await LabView.open(context, `${house.origin}/labs/${name}/`);
      const steps = await lab.steps();
      for (const step of steps) {
        await lab.page.goto(`${house.origin}/labs/${name}/?step=${step}`);
        await lab.ready();
        await pause(250);
        await lab.page.screenshot({
          path: join(out, `${name}-${step}-${width}-${colorScheme}.png`),
        });
        // The whole page, as tall as it is, with the terminals beside it.
        const height = await lab.page.evaluate(
          () => document.getElementById("steps")?.scrollHeight,
        );
        await lab.page.setViewportSize({ width, height: Math.min((height ?? 800) + 100, 9000) });
        await pause(150);
        await lab.page
          .locator("#steps")
          .screenshot({ path: join(out, `full-${name}-${step}-${width}-${colorScheme}.png`) });
        await lab.page.setViewportSize(viewport);
      }
      await lab.page.close();
    }
    await context.close();
  }
}
await browser.close();
await house.stop();
await remove();
