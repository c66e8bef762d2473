import { type Pair, type Palette, pairs } from './tokens.ts';

/** Contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio"). `#rrggbb` or `#rgb`. */
export function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** The pairs that are too alike, and how much contrast they have. */
export function tooAlike(palette: Palette): (Pair & { readonly has: number })[] {
  return pairs
    .map((pair) => ({ ...pair, has: contrast(palette(pair.of), palette(pair.on)) }))
    .filter(({ has, least }) => has < least);
}

function luminance(color: string): number {
  const digits = color.length === 4 ? color.replaceAll(/[0-9a-f]/gi, '$&$&') : color;
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(digits.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
