import { element, icon, required } from "./dom";
import { screenReaderChoice } from "./screenreader";
import { textSizeControl } from "./textsize";
import { themeChoice } from "./theme";

/** A link to something to take away from the lab. */
function download(href: string, label: string, title: string): HTMLAnchorElement {
  const attributes = { class: "button button-small", href, title, download: true };
  return element("a", attributes, icon("download"), label);
}

/** Fills the small panel that says how things look and sound in this browser. */
export function fillViewMenu(): void {
  const row = (label: string, control: HTMLElement): HTMLElement =>
    element("div", { class: "view-row" }, element("span", { class: "view-label" }, label), control);
  required("view-menu").replaceChildren(
    row("Text size", textSizeControl()),
    row("Theme", themeChoice()),
    row("Screen reader", screenReaderChoice()),
    element(
      "div",
      { class: "view-row driver-only" },
      element("span", { class: "view-label" }, "Transcript"),
      element(
        "span",
        { class: "view-links" },
        download("transcript.md", "Markdown", "What was run, and its output"),
        download(
          "transcript.zip",
          "Everything",
          "With the progress, and a recording of each terminal",
        ),
      ),
    ),
    element(
      "p",
      { class: "view-note" },
      "Screen reader: what terminals print is read aloud. Terminals stay dark in every theme, for programs ask for their colours and all tabs share one answer.",
    ),
  );
}
