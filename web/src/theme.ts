import { element, icon } from "./dom";
import { recall, remember } from "./storage";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

const KEY = "katahost.theme";
const LABELS = { auto: "as the system", light: "light", dark: "dark" };

export function storedTheme(): Theme {
  const stored = recall(KEY);
  return THEMES.find((theme) => theme === stored) ?? "auto";
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}

/** Makes the button that goes through the themes. */
export function themeButton(): HTMLButtonElement {
  const button = element("button", { type: "button", class: "icon-button" });
  const paint = (theme: Theme): void => {
    const label = `Theme: ${LABELS[theme]}`;
    button.replaceChildren(icon(theme));
    button.title = label;
    button.setAttribute("aria-label", label);
  };
  button.onclick = () => {
    const next = THEMES[(THEMES.indexOf(storedTheme()) + 1) % THEMES.length] ?? "auto";
    remember(KEY, next);
    applyTheme(next);
    paint(next);
  };
  paint(storedTheme());
  return button;
}
