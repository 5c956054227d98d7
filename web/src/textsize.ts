import { element } from "./dom";
import { Emitter } from "./events";
import { recall, remember } from "./storage";

const PERCENTS = [85, 100, 115, 130, 150, 175, 200];
const USUAL_PERCENT = 100;
const KEY = "katahost.textSize";

/** Tells by how much texts are larger than usual, whenever that changes. */
export const onTextScale = new Emitter<number>();

function storedPercent(): number {
  const stored = Number(recall(KEY));
  return PERCENTS.includes(stored) ? stored : USUAL_PERCENT;
}

let stage = 1;

/** By how much texts of the page and of terminals are larger than usual. */
export function textScale(): number {
  return (storedPercent() / 100) * stage;
}

/** Makes all texts larger on top of what was chosen, for a room to read. */
export function setStageScale(scale: number): void {
  if (scale === stage) return;
  stage = scale;
  applyTextScale();
  onTextScale.fire(textScale());
}

export function applyTextScale(): void {
  document.documentElement.style.setProperty("--scale", String(textScale()));
}

/** Makes the buttons that change the size of text, with the size between them. */
export function textSizeControl(): HTMLElement {
  const button = (text: string, label: string): HTMLButtonElement =>
    element("button", { type: "button", class: "choice", "aria-label": label, title: label }, text);
  const smaller = button("A−", "A−, smaller text");
  const larger = button("A+", "A+, larger text");
  const usual = element("button", { type: "button", class: "choice choice-wide" });
  const paint = (): void => {
    const percent = storedPercent();
    usual.textContent = `${percent} %`;
    usual.title = "Text of the usual size";
    usual.setAttribute("aria-label", `Text size ${percent} %, back to the usual`);
    smaller.setAttribute("aria-disabled", String(percent === PERCENTS[0]));
    larger.setAttribute("aria-disabled", String(percent === PERCENTS.at(-1)));
  };
  const set = (percent: number | undefined): void => {
    if (percent === undefined) return;
    remember(KEY, String(percent));
    applyTextScale();
    paint();
    onTextScale.fire(textScale());
  };
  const at = (): number => PERCENTS.indexOf(storedPercent());
  smaller.onclick = () => set(PERCENTS[Math.max(0, at() - 1)]);
  larger.onclick = () => set(PERCENTS[at() + 1]);
  usual.onclick = () => set(USUAL_PERCENT);
  paint();
  return element(
    "div",
    { class: "choices", role: "group", "aria-label": "Text size" },
    smaller,
    usual,
    larger,
  );
}
