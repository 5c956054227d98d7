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

/** Makes the switch of the mode for screen readers. */
export function screenReaderSwitch(): HTMLElement {
  const button = element(
    "button",
    { type: "button", class: "choice choice-wide", "aria-pressed": String(screenReader()) },
    "Screen reader",
  );
  button.title = "Lets a screen reader follow what terminals print";
  button.onclick = () => {
    const on = !screenReader();
    remember(KEY, on ? "on" : "off");
    button.setAttribute("aria-pressed", String(on));
    onScreenReader.fire(on);
    announce(`Screen reader mode of the terminals is ${on ? "on" : "off"}.`);
  };
  return button;
}
