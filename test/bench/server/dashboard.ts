import type { Browser } from 'playwright-core';
import { openLoggedIn, startChromium } from '../../system/chromium.ts';
import { fill } from './devices.ts';
import { password, ServerSite } from './site.ts';

/** What is typed into the search of the list, one after the other: words of many, few and none. */
const searches = [
  ...[
    'berlin',
    'device-00x',
    'munich gw',
    'basement',
    'qqqqzz',
    'edgebox',
    'paris panel',
    '2.7',
    'oslo',
    'd',
  ],
  ...[
    'sensor hub',
    'device-0a',
    'rome 77',
    'production',
    'gw-200',
    'madrid',
    'zz',
    'london edge',
    '10',
    'hub',
  ],
];

/** Times in ms of one size of the fleet. */
export interface DashboardTimes {
  readonly devices: number;
  /** From the navigation to the first content on the page. */
  readonly paint: number[];
  /** From the navigation to the first device in the list. */
  readonly list: number[];
  /** From what is typed into the search to the frame after its answer is shown. */
  readonly search: number[];
}

/** The list of devices in Chromium, with so many devices and with 100, in turn. */
export async function measureDashboard(
  devices: number,
  rounds: number,
  report: (step: string) => void,
): Promise<{ readonly few: DashboardTimes; readonly many: DashboardTimes }> {
  const result = { few: timesOf(100), many: timesOf(devices) };
  const sites: [ServerSite, DashboardTimes][] = [];
  const browser = await startChromium();
  try {
    for (const times of [result.few, result.many]) {
      report(`writing ${times.devices} devices`);
      sites.push([await ServerSite.open(async (path) => fill(path, times.devices)), times]);
    }
    // The first round is for caches of server and browser.
    for (let round = 0; round <= rounds; round++) {
      report(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
      for (const [site, times] of sites) await measure(browser, site, round === 0 ? null : times);
    }
    return result;
  } finally {
    await browser.close();
    for (const [site] of sites) await site.close();
  }
}

const timesOf = (devices: number): DashboardTimes => ({ devices, paint: [], list: [], search: [] });

async function measure(browser: Browser, site: ServerSite, times: DashboardTimes | null): Promise<void> {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 } });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(300_000);
    const base = `http://localhost:${site.port}`;
    await openLoggedIn(page, `${base}/`, { user: 'everything', password });
    const rows = page.locator('.rows [role=row]');
    await rows.first().waitFor();
    await page.goto(`${base}/`);
    const [paint, list] = (await page.evaluate(firstShown)) as [number, number];
    times?.paint.push(paint);
    times?.list.push(list);
    for (const text of searches) {
      const ms = (await page.evaluate(searchFor(text))) as number;
      times?.search.push(ms);
    }
  } finally {
    await context.close();
  }
}

/** Runs in the page: both times since the navigation. */
const firstShown = `new Promise((resolve) => {
  const look = () => {
    const [paint] = performance.getEntriesByName('first-contentful-paint');
    if (paint && document.querySelector('.rows [role=row] a')) resolve([paint.startTime, performance.now()]);
    else requestAnimationFrame(look);
  };
  look();
})`;

/** Runs in the page: types at once, and waits until the answer is there and a frame has shown it. */
const searchFor = (text: string) => `new Promise((resolve) => {
  const field = document.querySelector('input[type=search]');
  const asked = new URLSearchParams({ text: ${JSON.stringify(text)} }).toString();
  performance.clearResourceTimings();
  const begun = performance.now();
  field.value = ${JSON.stringify(text)};
  field.dispatchEvent(new Event('input', { bubbles: true }));
  const look = () => {
    const isAnswered = performance
      .getEntriesByType('resource')
      .some(({ name, responseEnd }) => responseEnd > 0 && name.includes('/devices?') && name.includes(asked));
    requestAnimationFrame(isAnswered ? () => resolve(performance.now() - begun) : look);
  };
  look();
})`;
