import { element } from "./dom";
import { Emitter } from "./events";
import { announce } from "./notices";
import { recall, remember } from "./storage";

const KEY = "katahost.screenReader";

/** Tells whether terminals are read aloud, whenever that changes. */
export const onScreenReader = new Emitter<boolean>();

/** Whether terminals speak to screen readers; off at first, for it makes large outputs slow. */
export function screenReader(): boolean {
  return recall(KEY) === "on";
}

/** Makes the buttons that switch the mode for screen readers, the chosen one pressed. */
export function screenReaderChoice(): HTMLElement {
  const choice = (on: boolean): HTMLButtonElement => {
    const button = element("button", { type: "button", class: "choice" }, on ? "On" : "Off");
    button.onclick = () => {
      if (on === screenReader()) return;
      remember(KEY, on ? "on" : "off");
      paint();
      onScreenReader.fire(on);
      announce(`Screen reader mode of the terminals is ${on ? "on" : "off"}.`);
    };
    return button;
  };
  const [off, on] = [choice(false), choice(true)];
  const paint = (): void => {
    off.setAttribute("aria-pressed", String(!screenReader()));
    on.setAttribute("aria-pressed", String(screenReader()));
  };
  paint();
  return element(
    "div",
    { class: "choices", role: "group", "aria-label": "Screen reader follows terminals" },
    off,
    on,
  );
}
