import type { SearchAddon } from "@xterm/addon-search";
import { type Disposable, Emitter } from "./events";
import type { Findable, FindResults } from "./find";

const DECORATIONS = {
  matchBackground: "#5b4b1e",
  matchOverviewRuler: "#8a6d1c",
  activeMatchBackground: "#b8860b",
  activeMatchColorOverviewRuler: "#e0a82e",
};

/** Searches a terminal's scrollback and screen. */
export class TerminalFinder implements Findable, Disposable {
  readonly onResults = new Emitter<FindResults>();
  readonly #search: SearchAddon;
  readonly #results: Disposable;

  constructor(search: SearchAddon) {
    this.#search = search;
    this.#results = search.onDidChangeResults(({ resultIndex, resultCount }) =>
      this.onResults.fire({ index: resultIndex, count: resultCount }),
    );
  }

  find(text: string, direction: 1 | -1, incremental: boolean): void {
    const options = { decorations: DECORATIONS, incremental };
    if (!text) this.clear();
    else if (direction > 0) this.#search.findNext(text, options);
    else this.#search.findPrevious(text, options);
  }

  clear(): void {
    this.#search.clearDecorations();
    this.onResults.fire({ index: 0, count: 0 });
  }

  dispose(): void {
    this.#results.dispose();
  }
}
