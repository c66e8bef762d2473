import { expect, test } from 'vitest';
import type { TerminalSettings } from '../configuration/terminal.ts';
import { mayEndHere, mayEverEndHere } from './ssh-at-server.ts';

test.each<[TerminalSettings | undefined, boolean, boolean, boolean]>([
  [undefined, false, false, false],
  [{ sshAtServer: 'never', domains: {} }, false, false, false],
  [{ sshAtServer: 'allowed', domains: {} }, true, true, true],
  [{ sshAtServer: 'never', domains: { acme: 'allowed' } }, true, false, true],
  [{ sshAtServer: 'allowed', domains: { acme: 'never' } }, false, true, true],
])('%j: acme %s, others %s, ever %s', (settings, acme, others, ever) => {
  expect(mayEndHere(settings, 'acme')).toBe(acme);
  for (const domain of ['other', 'constructor', '__proto__'])
    expect(mayEndHere(settings, domain)).toBe(others);
  expect(mayEverEndHere(settings)).toBe(ever);
});
