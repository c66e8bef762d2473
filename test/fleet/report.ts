import { type FleetOptions, type Second, simulateFleet } from './fleet.ts';

const devices = 10_000;
const seed = 1;
const untilMs = 3_600_000;

/** What the page compares. */
const cases = [5_000, 60_000, 600_000].flatMap((awayMs) =>
  [
    { scrypt: true, heldBack: false },
    { scrypt: true, heldBack: true },
    { scrypt: false, heldBack: true },
  ].map((kind): FleetOptions => ({ devices, awayMs, seed, untilMs, ...kind })),
);

/** The table of `docs/fleet.md` and the picture beside it. */
export function fleetReport(): { readonly table: string; readonly curve: string } {
  const runs = cases.map((options) => ({ options, seconds: simulateFleet(options) }));
  const header = [
    'away',
    'scrypt',
    'held back',
    'most attempts in a second',
    'half are back after',
    '99 % after',
    'all after',
    'attempts a device',
    'passwords verified in vain',
  ];
  const lines = [
    header,
    header.map(() => '---'),
    ...runs.map(({ options, seconds }) => row(options, seconds)),
  ];
  const restart = runs.filter(({ options }) => options.awayMs === 5_000);
  return {
    table: lines.map((cells) => `| ${cells.join(' | ')} |\n`).join(''),
    curve: picture(restart.map(({ options, seconds }) => [options, seconds] as const)),
  };
}

function row({ awayMs, heldBack, scrypt }: FleetOptions, seconds: readonly Second[]): string[] {
  const sum = (key: keyof Second) => seconds.reduce((total, second) => total + second[key], 0);
  const after = (part: number) => {
    let connected = 0;
    const index = seconds.findIndex((second) => {
      connected += second.connected;
      return connected >= part * devices;
    });
    return index < 0 ? 'not within an hour' : `${index + 1 - awayMs / 1000} s`;
  };
  return [
    `${awayMs / 1000} s`,
    scrypt ? 'yes' : 'no',
    heldBack ? 'yes' : 'no',
    String(Math.max(...seconds.map(({ attempts }) => attempts))),
    after(0.5),
    after(0.99),
    after(1),
    (sum('attempts') / devices).toFixed(1),
    String(sum('wasted')),
  ];
}

const [width, height, left, bottom] = [720, 280, 60, 40];
const shownSeconds = 720;

/** Devices connected over time, as SVG: one line a run. */
function picture(runs: readonly (readonly [FleetOptions, readonly Second[]])[]): string {
  const x = (second: number) => (left + (second / shownSeconds) * (width - left - 10)).toFixed(1);
  const y = (count: number) => (height - bottom - (count / devices) * (height - bottom - 10)).toFixed(1);
  const text = (at: string, down: string | number, words: string, anchor: string) =>
    `<text x="${at}" y="${down}" text-anchor="${anchor}">${words}</text>`;
  const grid = [0, 2_500, 5_000, 7_500, 10_000].map(
    (count) =>
      `<path class="grid" d="M${x(0)} ${y(count)}H${x(shownSeconds)}"/>${text(String(left - 6), y(count - 120), String(count), 'end')}`,
  );
  const times = [0, 120, 240, 360, 480, 600, 720].map((second) =>
    text(x(second), height - bottom + 18, `${second} s`, second === shownSeconds ? 'end' : 'middle'),
  );
  const curves = runs.map(([{ heldBack, scrypt }, seconds]) => {
    let connected = 0;
    const points: string[] = [];
    for (let second = 0; second <= shownSeconds; second++) {
      connected += seconds[second]?.connected ?? 0;
      if (second % 10 === 0) points.push(`${x(second)} ${y(connected)}`);
    }
    return `<path class="${scrypt ? (heldBack ? 'held' : 'free') : 'fast'}" d="M${points.join('L')}"/>`;
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    '<title>Devices connected after the reflector was restarted</title>',
    '<style>path{fill:none;stroke-width:2}.grid{stroke:#ccc;stroke-width:1}.fast{stroke:#36c}.held{stroke:#0a7}.free{stroke:#c33}</style>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...grid,
    ...times,
    ...curves,
    text(x(60), y(9_000), 'held back, without scrypt', 'start'),
    text(x(400), y(5_500), 'held back, with scrypt', 'start'),
    text(x(400), y(900), 'let in as they come, with scrypt', 'start'),
    '</svg>',
  ].join('\n')}\n`;
}
