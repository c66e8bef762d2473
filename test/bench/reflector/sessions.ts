import { userName, userPassword } from './accounts.ts';
import { Browser } from './browser.ts';
import { bodyOf, deviceName } from './light-device.ts';
import type { Site } from './site.ts';

export interface SessionsResult {
  readonly requests: number;
  /** What went wrong, one line each. */
  readonly errors: readonly string[];
  readonly seconds: number;
  /** Milliseconds. */
  readonly median: number;
  readonly slowest: number;
}

export interface Extent {
  readonly users: number;
  readonly devices: number;
  /** Each user goes on until this says no; asked before each request with its number. */
  readonly goesOn: (request: number) => boolean;
}

const sizes = [0, 2_000, 2_000, 60_000];
const localPart = 'localhost';

/** Users with sessions of their own, each at one of the devices, asking for one thing after the other. */
export async function useSessions(site: Site, { users, devices, goesOn }: Extent): Promise<SessionsResult> {
  const errors: string[] = [];
  const times: number[] = [];
  const browsers = Array.from({ length: users }, () => new Browser(site.facts.port));
  const host = (user: number) => `${deviceName(user % devices)}.${localPart}`;
  const enter = async (browser: Browser, user: number) => {
    const page = await browser.visit(host(user), '/0', { name: userName(user), password: userPassword });
    if (page.status !== 200) errors.push(`${userName(user)}: log-in ended with ${page.status}`);
  };
  // Passwords are verified a few at a time, and what waits is bounded.
  for (let from = 0; from < users; from += 50) {
    await Promise.all(browsers.slice(from, from + 50).map((browser, i) => enter(browser, from + i)));
  }
  const began = performance.now();
  const use = async (browser: Browser, user: number) => {
    for (let request = 0; goesOn(request); request++) {
      const size = sizes[(user + request) % sizes.length] ?? 0;
      const asked = performance.now();
      try {
        const { status, body } = await browser.get(host(user), `/${size}`);
        if (status !== 200 || body !== bodyOf(deviceName(user % devices), size)) {
          errors.push(`${userName(user)}: ${status}, ${body.length} bytes where ${size} were asked for`);
        }
      } catch (error) {
        errors.push(`${userName(user)}: ${error instanceof Error ? error.message : error}`);
      }
      times.push(performance.now() - asked);
    }
  };
  await Promise.all(browsers.map(use));
  const seconds = (performance.now() - began) / 1000;
  for (const browser of browsers) browser.close();
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
  return { requests: times.length, errors, seconds, median: at(0.5), slowest: at(1) };
}
