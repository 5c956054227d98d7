// @ts-check
/** Draws the README's picture, docs/screenshot.png: `node tests/browser/screenshot.mjs`. */

import { join } from "node:path";
import {
  copyFolder,
  House,
  LabView,
  launch,
  pause,
  profile,
  root,
  temporaryFolder,
  writeBash,
} from "./house.mjs";

// Enough lines of the client to see what it does, and for flashes to end.
const SETTLE_MS = 4000;

const { path, remove } = await temporaryFolder();
const shell = await writeBash(path);
const lab = join(path, "zero-downtime-migration");
await copyFolder(join(root, "scenarios/zero-downtime-migration"), lab);
const house = await House.open(lab, { shell, home: path });
const browser = await launch();
const context = await profile(browser, { viewport: { width: 1360, height: 1000 } });
const view = await LabView.open(context, house.url);
await view.terminal("host").shows("The lab is ready.");
await view.follow(view.content.getByRole("link", { name: "Start" }), "step1");
await view.run(0);
await view.terminal("api").shows("Stop it with Ctrl-C.");
await view.run(1);
await view.run(2);
await view.marked(2, "done");
await pause(SETTLE_MS);
await view.page.locator("#steps").evaluate((steps) => steps.scrollTo(0, 0));
await view.page.mouse.move(0, 0);
await pause(500);
await view.page.screenshot({ path: join(root, "docs/screenshot.png") });
await context.close();
await browser.close();
await house.stop();
await remove();
