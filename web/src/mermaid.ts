// Loaded on the first page that has a diagram; nothing else may import it statically.
import DOMPurify from "dompurify";
import mermaid from "mermaid";
import type { Scheme } from "./theme";

const SANITISE = {
  ADD_TAGS: ["foreignobject"],
  ADD_ATTR: ["dominant-baseline"],
  HTML_INTEGRATION_POINTS: { foreignobject: true },
};

// mermaid measures its labels by innerHTML; Trusted Types let only what is sanitised through.
const factory = (
  globalThis as {
    trustedTypes?: {
      createPolicy(name: string, rules: { createHTML(html: string): string }): unknown;
    };
  }
).trustedTypes;
factory?.createPolicy("default", {
  // Without `<` there is no markup, only text, or the style sheet of a drawing.
  createHTML: (html) => (html.includes("<") ? DOMPurify.sanitize(html, SANITISE) : html),
});

// The colours of tokens.css, as mermaid wants them: it computes shades of them by itself.
const COLOURS: Record<Scheme, Record<string, string | boolean>> = {
  light: {
    background: "#ffffff",
    primaryColor: "#e8f2fc",
    primaryBorderColor: "#8fb8e0",
    primaryTextColor: "#1b2026",
    lineColor: "#545e6b",
    textColor: "#1b2026",
  },
  dark: {
    darkMode: true,
    background: "#14181e",
    primaryColor: "#1b2f45",
    primaryBorderColor: "#4a7aa8",
    primaryTextColor: "#e4e8ed",
    lineColor: "#a3aebb",
    textColor: "#e4e8ed",
  },
};
let drawn = 0;

/** Draws a diagram, or throws what is wrong with its source. */
export async function draw(source: string, scheme: Scheme): Promise<Node> {
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    suppressErrorRendering: true,
    theme: "base",
    themeVariables: COLOURS[scheme],
    fontFamily: "system-ui, sans-serif",
  });
  drawn += 1;
  const { svg } = await mermaid.render(`diagram-${drawn}`, source);
  return DOMPurify.sanitize(svg, { ...SANITISE, RETURN_DOM_FRAGMENT: true });
}
