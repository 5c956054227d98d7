import { element } from "./dom";
import type { Disposable } from "./events";
import { onScheme, scheme } from "./theme";

/**
 * Replaces the text of a `mermaid` fence by its drawing, and draws it anew when the theme changes;
 * what can't be drawn stays, with the reason.
 */
export function drawDiagram(pre: HTMLElement): Disposable {
  const source = pre.textContent;
  const figure = element("figure", { class: "diagram", "data-block": pre.dataset.block ?? "" });
  const message = element("p", { class: "note note-quiet", role: "status" }, "Drawing …");
  pre.replaceWith(figure);
  figure.append(pre, message);
  const canvas = element("div", { class: "diagram-canvas" });
  let wanted = 0;

  const draw = async (): Promise<void> => {
    wanted += 1;
    const mine = wanted;
    try {
      const { draw: drawing } = await import("./mermaid");
      const drawn = await drawing(source, scheme());
      if (mine !== wanted) return;
      canvas.replaceChildren(drawn);
      if (canvas.isConnected) return;
      const details = element("details", {}, element("summary", {}, "Source of the diagram"), pre);
      figure.replaceChildren(canvas, details);
    } catch (error) {
      if (mine !== wanted) return;
      const reason = error instanceof Error ? error.message : String(error);
      message.className = "note note-error";
      message.replaceChildren(
        element("strong", {}, "This diagram can't be drawn."),
        element("span", { class: "note-reason" }, reason),
      );
    }
  };

  void draw();
  return onScheme.on(() => void draw());
}
