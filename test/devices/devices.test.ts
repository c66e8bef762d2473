import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seenInChromium } from './suite/browser.ts';
import { isNoAnswer } from './suite/changes.ts';
import type { Device, Running } from './suite/device.ts';
import { allDevices } from './suite/devices.ts';
import { questionsFor } from './suite/questions.ts';
import { emptyDirectory, removeDirectory, Site } from './suite/site.ts';
import type { Way } from './suite/way.ts';

/**
 * Each device is asked the same directly and through both agents, by curl and by Chromium. Direct is the judge: every
 * answer through the tunnel is the one that the device gives directly, but for what `suite/changes.ts` lists.
 */

const devices = await allDevices();
let site: Site;

beforeAll(async () => {
  site = await Site.start([...devices.values()]);
});
afterAll(() => site?.stop());

/** All answers of a device by one way, under the names of the questions. */
async function seenBy(
  way: Way,
  device: Device,
  { idle }: Running,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const answers = new Map<string, readonly string[]>();
  await idle?.();
  for (const { name, answer } of questionsFor(device.asks, site.desk)) answers.set(name, await answer(way));
  await idle?.();
  if (!device.asks.withoutChromium && !way.withoutChromium) {
    answers.set('Chromium', await seenInChromium(site.browser, site.state, way, device.asks));
  }
  return answers;
}

describe.concurrent('a device', () => {
  test.for([...devices])(
    '%s answers through the tunnel as it does directly',
    async ([, device], { expect }) => {
      const directory = emptyDirectory();
      const running = await device.start({ port: site.portOf(device), directory });
      try {
        const { direct, through } = site.waysTo(device);
        const expected = await seenBy(direct, device, running);
        for (const way of through) {
          for (const [question, found] of await seenBy(way, device, running)) {
            const lines = expected.get(question) ?? [];
            if (isNoAnswer(lines) && !isNoAnswer(found)) continue;
            expect.soft([question, way.name, ...found]).toEqual([question, way.name, ...lines]);
          }
        }
      } finally {
        await running.stop();
        removeDirectory(directory);
      }
    },
  );
});

test('there are at least thirty', () => {
  expect(devices.size).toBeGreaterThanOrEqual(30);
});
