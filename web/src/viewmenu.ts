import { element, required } from "./dom";
import { screenReaderSwitch } from "./screenreader";
import { textSizeControl } from "./textsize";
import { themeChoice } from "./theme";

/** Fills the small panel that says how things look and sound in this browser. */
export function fillViewMenu(): void {
  const row = (label: string, control: HTMLElement): HTMLElement =>
    element("div", { class: "view-row" }, element("span", { class: "view-label" }, label), control);
  required("view-menu").replaceChildren(
    row("Text size", textSizeControl()),
    row("Theme", themeChoice()),
    row("Terminals", screenReaderSwitch()),
    element(
      "p",
      { class: "view-note" },
      "Terminals stay dark in every theme: programs ask for their colours, and all tabs share one answer.",
    ),
  );
}
