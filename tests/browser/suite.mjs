// @ts-check
/** What the tests of a file share: a browser, a folder, and the way into a lab. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before } from "node:test";
import { House, LabView, launch, profile, temporaryFolder, writeFiles } from "./house.mjs";

/** @import { Browser, BrowserContext, BrowserContextOptions } from "playwright-core" */
/** @import { HouseOptions } from "./house.mjs" */

/** A browser and a folder for the tests of one `describe`, in which this is made first of all. */
export class Suite {
  #temp = temporaryFolder();
  /** @type {House[]} */
  #houses = [];
  /** @type {Browser | null} */
  #browser = null;
  /** The folder, which is removed at the end; labs have it for their home. */
  path = "";

  /** @param {Parameters<typeof launch>[0]} [how] */
  constructor(how) {
    before(async () => {
      this.path = (await this.#temp).path;
      this.#browser = await launch(how);
    });
    after(async () => {
      await this.#browser?.close();
      for (const house of this.#houses) await house.stop();
      await (await this.#temp).remove();
    });
  }

  get browser() {
    return this.#browser ?? assert.fail("no test has begun");
  }

  /**
   * Writes a scenario into the folder, and says where.
   * @param {string} name
   * @param {Record<string, string | Uint8Array>} files
   */
  async write(name, files) {
    const folder = join(this.path, name);
    await writeFiles(folder, files);
    return folder;
  }

  /**
   * Serves a scenario until the end of all tests.
   * @param {string} folder
   * @param {HouseOptions} options
   */
  async serve(folder, options) {
    const house = await House.open(folder, { home: this.path, ...options });
    this.#houses.push(house);
    return house;
  }

  /**
   * Does something in a lab in a browser profile of its own, where nothing may go wrong.
   * @param {House} house
   * @param {(lab: LabView, context: BrowserContext) => Promise<void>} use
   * @param {BrowserContextOptions} [how]
   */
  async inLab(house, use, how) {
    const context = await profile(this.browser, how);
    try {
      const lab = await LabView.open(context, house.url);
      await use(lab, context);
      assert.deepEqual(lab.problems, []);
    } finally {
      await context.close();
    }
  }

  /**
   * Does something in a lab that is served for this alone.
   * @param {string} folder
   * @param {HouseOptions} options
   * @param {(lab: LabView, house: House, context: BrowserContext) => Promise<void>} use
   * @param {BrowserContextOptions} [how]
   */
  async inOwnLab(folder, options, use, how) {
    const house = await House.open(folder, { home: this.path, ...options });
    try {
      await this.inLab(house, (lab, context) => use(lab, house, context), how);
    } finally {
      await house.stop();
    }
  }
}
