// @ts-check
/** How long it takes from Ctrl-C in a flood to the prompt, as the page itself sees it. */

import { pause } from "./house.mjs";

/** @import { LabView } from "./house.mjs" */

// How long the flood has gone on by then.
const FLOODING_MS = 1500;

let marks = 0;

/**
 * Runs in the page: from now on, how long it takes from Ctrl-C to a screen that ends with a prompt.
 */
function watch() {
  let pressed = 0;
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey && event.key === "c") pressed ||= performance.now();
  };
  document.addEventListener("keydown", key, { capture: true });
  /** @type {Promise<number>} */
  const seen = new Promise((done) => {
    const look = () => {
      const drawn = document.querySelectorAll(".xterm-rows > div");
      const rows = Array.from(drawn, (row) => row.textContent?.replaceAll("\u00a0", " ") ?? "");
      const ends = rows.findLast((row) => row.trim() !== "")?.trim() === "$";
      if (pressed && ends) {
        document.removeEventListener("keydown", key, { capture: true });
        done(performance.now() - pressed);
      } else requestAnimationFrame(look);
    };
    look();
  });
  Object.assign(window, { seen });
}

/**
 * Floods the terminal `host` by that command and interrupts it. Returns the time from the key to
 * the prompt in milliseconds, or null where none comes within `patienceMs`.
 * @param {LabView} lab @param {string} command @param {number} patienceMs
 */
export async function interruptFlood(lab, command, patienceMs) {
  const host = lab.terminal("host");
  // A prompt may be one of the past, which is still on its way over a slow link.
  marks += 1;
  await host.type(`clear; echo mark-$((${marks} + 0))\r`);
  await host.shows(new RegExp(`^mark-${marks}$`, "m"));
  await host.type(`clear; ${command}\r`);
  await pause(FLOODING_MS);
  await lab.page.evaluate(watch);
  await host.press("Control+c");
  const seen = lab.page.evaluate(
    () => /** @type {{ seen?: Promise<number> }} */ (/** @type {unknown} */ (window)).seen,
  );
  const ms = await Promise.race([seen, pause(patienceMs).then(() => null)]);
  return ms ?? null;
}
