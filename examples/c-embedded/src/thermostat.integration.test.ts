import { type LocalReflector, startLocalReflector } from 'local-reflector';
import { getFromDevice } from 'local-reflector/get-from-device';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { compile } from './compile.ts';
import { type CDevice, startDevice } from './device.ts';

let program: string;
let reflector: LocalReflector;
let device: CDevice;

beforeAll(async () => {
  program = await compile('thermostat');
}, 900_000);

beforeEach(async () => {
  reflector = await startLocalReflector('thermostat-1');
});

afterEach(async () => {
  await reflector.close();
});

describe('the thermostat in C, through the reflector', () => {
  it.each([
    ['as it is', []],
    ['under valgrind', ['valgrind', '-q', '--error-exitcode=99', '--leak-check=full']],
  ])('shows its page, and ends when asked: %s', async (_, checker) => {
    device = await startDevice(reflector, [...checker, program]);
    for (const visit of [1, 2, 3]) {
      const { status, text } = await getFromDevice(reflector, '/');
      expect([status, text]).toEqual([200, `<h1>21.5 &deg;C</h1><p>Visit ${visit}</p>\n`]);
    }
    expect(await device.stop()).toBe(0);
  });
});
