/** The colours that a brand may replace, as `server/dashboard/src/style/tokens.css` has them: light and dark. */
export const tokens = {
  page: ['#f5f6f8', '#10151b'],
  surface: ['#ffffff', '#171d25'],
  raised: ['#ffffff', '#1d2530'],
  sunken: ['#eef0f3', '#0c1116'],
  hover: ['#f0f4f9', '#1f2833'],
  selected: ['#e3eefb', '#1b3048'],
  line: ['#dce1e7', '#2a3440'],
  'line-strong': ['#8a96a3', '#5d6b7a'],
  text: ['#17202b', '#e3e8ee'],
  muted: ['#55616f', '#9caab8'],
  accent: ['#0b5cad', '#6db3f8'],
  'accent-hover': ['#084a8c', '#8dc4fa'],
  'on-accent': ['#ffffff', '#0a1a2a'],
  good: ['#17702f', '#56c775'],
  'good-soft': ['#e2f4e6', '#16301d'],
  warn: ['#8f4a00', '#e8ad55'],
  'warn-soft': ['#fdf1e0', '#35270f'],
  bad: ['#b3261e', '#f58a82'],
  'bad-soft': ['#fceceb', '#3a1a19'],
  'plot-from': ['#2f7fd1', '#5aa5ee'],
  'plot-to': ['#8a63c9', '#b08ae6'],
  focus: ['#1f7ae0', '#7fbcff'],
} as const satisfies Readonly<Record<string, readonly [light: string, dark: string]>>;

export type Token = keyof typeof tokens;
export const tokenNames: readonly Token[] = Object.keys(tokens).filter(isToken);

export function isToken(name: string): name is Token {
  return Object.hasOwn(tokens, name);
}

export type Theme = 'light' | 'dark';
export const themes = ['light', 'dark'] as const satisfies readonly Theme[];

/** The colours of a theme, as `#rrggbb` or `#rgb`. */
export type Palette = (token: Token) => string;

/** Text on a ground, for which WCAG 2.2 asks a contrast of 4.5 (1.4.3, AA). */
const onGround: Readonly<Partial<Record<Token, readonly Token[]>>> = {
  text: ['page', 'surface', 'raised', 'sunken', 'hover', 'selected'],
  muted: ['page', 'surface', 'raised', 'sunken', 'hover', 'selected'],
  accent: ['page', 'surface', 'raised', 'sunken', 'hover', 'selected'],
  'accent-hover': ['page', 'surface', 'raised', 'sunken', 'hover', 'selected'],
  'on-accent': ['accent', 'accent-hover'],
  good: ['page', 'surface', 'hover', 'selected', 'good-soft'],
  warn: ['page', 'surface', 'warn-soft'],
  bad: ['page', 'surface', 'raised', 'bad-soft'],
};

/** What shows where the keyboard is, for which it asks 3 (1.4.11, AA). */
const shapes: Readonly<Partial<Record<Token, readonly Token[]>>> = {
  focus: ['page', 'surface', 'raised', 'sunken', 'hover'],
};

export interface Pair {
  readonly of: Token;
  readonly on: Token;
  readonly least: number;
}

/** Every pair of colours that is used one on the other. */
export const pairs: readonly Pair[] = [...pairsOf(onGround, 4.5), ...pairsOf(shapes, 3)];

function pairsOf(table: Readonly<Partial<Record<Token, readonly Token[]>>>, least: number): Pair[] {
  return Object.entries(table).flatMap(([of, grounds = []]) =>
    isToken(of) ? grounds.map((on) => ({ of, on, least })) : [],
  );
}
