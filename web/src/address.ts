import { listen } from "./events";

/** The step in the page's address, and the browser's Back and Forward. */
export class Address {
  #shown: string | null = null;

  constructor(moved: (step: string) => void) {
    listen(window, "popstate", () => {
      const step = this.step;
      // A link within the page, such as the one that skips to the steps, comes here too.
      if (step !== null && step !== this.#shown) moved(step);
      this.#shown = step;
    });
  }

  get step(): string | null {
    return new URLSearchParams(location.search).get("step");
  }

  /** The step that a fresh visit asks for; a reload shows what the lab shows. */
  get deepLink(): string | null {
    const [entry] = performance.getEntriesByType("navigation");
    const type = entry instanceof PerformanceNavigationTiming ? entry.type : "navigate";
    return type === "navigate" ? this.step : null;
  }

  /** Names the step that is shown: as a new entry of the history where this tab asked for it. */
  show(step: string, asked: boolean): void {
    this.#shown = step;
    const url = `?step=${encodeURIComponent(step)}`;
    if (asked && this.step !== null && this.step !== step) history.pushState(null, "", url);
    else if (location.search !== url || location.hash) history.replaceState(null, "", url);
  }
}
