import { describe, expect, test } from 'vitest';
import { mostForwards, readForwards } from './forward-list.ts';

describe('a file of forwards', () => {
  test('has one a line, as on the command line, and comments', () => {
    const text = '# the pumps\npump-7 -R 80 -L 8007\n\n  -R 5432 pump-8 -b ::1 # data\n';
    expect(readForwards(text, 'f')).toEqual([
      { device: 'pump-7', remotePort: 80, localPort: 8007, address: '127.0.0.1' },
      { device: 'pump-8', remotePort: 5432, localPort: 0, address: '::1' },
    ]);
  });

  test.each([
    ['pump-7', 'f:1: must be DEVICE -R PORT [-L PORT] [-b ADDRESS]'],
    ['a -R 1\nb -R 70000', 'f:2: -R 70000: must be a port number from 1 to 65535'],
    ['a -R 1 -b here', 'f:1: -b here: must be an IP address of this machine'],
    ['a -R 1 --ca x', 'f:1: must be DEVICE -R PORT [-L PORT] [-b ADDRESS]'],
    ['a b -R 1', 'f:1: must be DEVICE -R PORT [-L PORT] [-b ADDRESS]'],
    ['# nothing', 'f: has no forward: DEVICE -R PORT [-L PORT] [-b ADDRESS]'],
    ['a -R 1\n'.repeat(mostForwards + 1), 'f: 101 forwards, allowed are 100'],
  ])('%j is refused', (text, reason) => {
    expect(() => readForwards(text, 'f')).toThrow(reason);
  });
});
