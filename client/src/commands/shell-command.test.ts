import { expect, test } from 'vitest';
import { withPorts } from './shell-command.ts';

test.each([
  ['curl http://127.0.0.1:%p/', 'curl http://127.0.0.1:8001/'],
  ['a %1p %2p %p', 'a 8001 8002 8001'],
  ['date +%%H %3p %x', 'date +%H %3p %x'],
])('%s becomes %s', (command, expected) => {
  expect(withPorts(command, [8001, 8002])).toBe(expected);
});
