import { element, icon } from "./dom";
import { Emitter } from "./events";
import { recall, remember } from "./storage";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

/** What a theme comes to, with the system asked where it decides. */
export type Scheme = "light" | "dark";

const KEY = "katahost.theme";
const LABELS = { auto: "as the system", light: "light", dark: "dark" };
const CHOICES = { auto: "System", light: "Light", dark: "Dark" };
const SYSTEM_DARK = window.matchMedia("(prefers-color-scheme: dark)");

/** Tells the scheme whenever the person or the system changes it. */
export const onScheme = new Emitter<Scheme>();

SYSTEM_DARK.addEventListener("change", () => onScheme.fire(scheme()));

export function storedTheme(): Theme {
  const stored = recall(KEY);
  return THEMES.find((theme) => theme === stored) ?? "auto";
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}

/** The scheme that is shown now. */
export function scheme(): Scheme {
  const theme = storedTheme();
  if (theme !== "auto") return theme;
  return SYSTEM_DARK.matches ? "dark" : "light";
}

function choose(theme: Theme): void {
  remember(KEY, theme);
  applyTheme(theme);
  onScheme.fire(scheme());
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
    choose(next);
    paint(next);
  };
  paint(storedTheme());
  return button;
}

/** Makes a button for each theme, the chosen one pressed. */
export function themeChoice(): HTMLElement {
  const buttons = THEMES.map((theme) => {
    const button = element("button", { type: "button", class: "choice" }, CHOICES[theme]);
    button.onclick = () => {
      choose(theme);
      paint();
    };
    return button;
  });
  const paint = (): void => {
    for (const [index, button] of buttons.entries()) {
      button.setAttribute("aria-pressed", String(THEMES[index] === storedTheme()));
    }
  };
  paint();
  return element("div", { class: "choices", role: "group", "aria-label": "Theme" }, ...buttons);
}
