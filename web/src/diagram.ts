import { element } from "./dom";

/** Replaces the text of a `mermaid` fence by its drawing; what can't be drawn stays, with the reason. */
export async function drawDiagram(pre: HTMLElement): Promise<void> {
  const source = pre.textContent;
  const figure = element("figure", { class: "diagram", "data-block": pre.dataset.block ?? "" });
  const message = element("p", { class: "note note-quiet", role: "status" }, "Drawing …");
  pre.replaceWith(figure);
  figure.append(pre, message);
  try {
    const { draw } = await import("./mermaid");
    const drawing = await draw(source);
    const details = element("details", {}, element("summary", {}, "Source of the diagram"), pre);
    const canvas = element("div", { class: "diagram-canvas" });
    canvas.append(drawing);
    figure.replaceChildren(canvas, details);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    message.className = "note note-error";
    message.replaceChildren(
      element("strong", {}, "This diagram can't be drawn."),
      element("span", { class: "note-reason" }, reason),
    );
  }
}
