import { decodeUri } from "./uri";

/**
 * The files of the scenario that were saved while this page was open. Browsers show an image from
 * memory for as long as its address stays the same, so a saved one gets another address.
 */
export class SavedFiles {
  readonly #versions = new Map<string, number>();

  /** Notes that files were saved, by their paths in the scenario. */
  note(files: string[]): void {
    for (const file of files) this.#versions.set(file, (this.#versions.get(file) ?? 0) + 1);
  }

  /** Has a page show the files as they were saved last. */
  apply(content: ParentNode): void {
    if (this.#versions.size === 0) return;
    for (const name of ["src", "poster"]) {
      for (const element of content.querySelectorAll(`[${name}^="files/"]`)) {
        const [address = "", query] = (element.getAttribute(name) ?? "").split("?", 2);
        const version = this.#versions.get(decodeUri(address.slice("files/".length)));
        if (version === undefined) continue;
        const given = query ? `${query}&` : "";
        element.setAttribute(name, `${address}?${given}saved=${version}`);
      }
    }
  }
}
