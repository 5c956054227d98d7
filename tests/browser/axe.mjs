// @ts-check
/** axe-core, which finds what keeps people from using a page. */

import { readFile } from "node:fs/promises";
import { axeSource } from "./house.mjs";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/**
 * Where a page breaches WCAG 2.2 AA, or what is good practice.
 * @param {import("playwright-core").Page} page
 * @param {{ ignore?: string[], exclude?: string[] }} [but] rules, and selectors
 */
export async function breaches(page, { ignore = [], exclude = [] } = {}) {
  // The page's own policy lets no test's script in; the debugger's way does not ask it.
  await page.evaluate(await readFile(axeSource(), "utf8"));
  const rules = Object.fromEntries(ignore.map((rule) => [rule, { enabled: false }]));
  return await page.evaluate(
    async ({ tags, rules, exclude }) => {
      const { axe } = /** @type {{ axe: typeof import("axe-core") }} */ (
        /** @type {unknown} */ (window)
      );
      const { violations } = await axe.run(
        { include: [document], exclude },
        { runOnly: { type: "tag", values: tags }, rules },
      );
      return violations.map(({ id, help, nodes }) => ({
        id,
        help,
        nodes: nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`),
      }));
    },
    { tags: TAGS, rules, exclude },
  );
}
