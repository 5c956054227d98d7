/** Red, green and blue, 0 to 255. */
type Rgb = readonly [number, number, number];

function linear(channel: number): number {
  const c = channel / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

/** The relative luminance of WCAG 2, 0 to 1. */
function luminance([r, g, b]: Rgb): number {
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

/** The contrast ratio of WCAG 2, 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const INK_DARK: Rgb = [27, 32, 38];
const INK_LIGHT: Rgb = [232, 236, 240];

/** Which colour scheme is readable on a background. */
export function schemeOn(background: Rgb): "light" | "dark" {
  return contrast(INK_DARK, background) >= contrast(INK_LIGHT, background) ? "light" : "dark";
}

const resolved = new Map<string, Rgb | null>();

/** What a CSS colour looks like over `base`, or null where it is no colour. */
export function resolveColor(color: string, base: string): Rgb | null {
  const key = `${color} over ${base}`;
  const known = resolved.get(key);
  if (known !== undefined) return known;
  const rgb = paint(color, base);
  resolved.set(key, rgb);
  return rgb;
}

function paint(color: string, base: string): Rgb | null {
  if (!CSS.supports("background-color", color)) return null;
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (!context) return null;
  for (const layer of [base, color]) {
    context.fillStyle = layer;
    context.fillRect(0, 0, 1, 1);
  }
  const [r = 0, g = 0, b = 0] = context.getImageData(0, 0, 1, 1).data;
  return [r, g, b];
}
