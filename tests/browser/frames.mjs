// @ts-check
/** What a page shows frame by frame. */

/** @import { BrowserContext } from "playwright-core" */

/**
 * Gives the pages of a context `onFrame(look)`, which has `look` called for each frame right before it
 * is painted, and returns what ends that.
 * @param {BrowserContext} context
 */
export const watchFrames = (context) =>
  context.addInitScript(() => {
    const onFrame = (/** @type {() => void} */ look) => {
      // Sizes are observed behind all else that is done for a frame.
      const sizes = new ResizeObserver(look);
      const probe = document.createElement("div");
      probe.style.cssText = "position: fixed; width: 0; height: 1px; visibility: hidden";
      const change = () => {
        if (!probe.isConnected && document.body) {
          document.body.append(probe);
          sizes.observe(probe);
        }
        probe.style.width = probe.style.width === "1px" ? "2px" : "1px";
        requestAnimationFrame(change);
      };
      change();
      return () => sizes.disconnect();
    };
    Object.assign(window, { onFrame });
  });
