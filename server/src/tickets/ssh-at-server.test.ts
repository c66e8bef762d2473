import { expect, test } from 'vitest';
import type { RecordingSettings } from '../configuration/recording.ts';
import type { TerminalSettings } from '../configuration/terminal.ts';
import { isRecorded, mayEndHere, mayEverEndHere } from './ssh-at-server.ts';

test.each<[TerminalSettings | undefined, boolean, boolean, boolean]>([
  [undefined, false, false, false],
  [{ sshAtServer: 'never', domains: {} }, false, false, false],
  [{ sshAtServer: 'allowed', domains: {} }, true, true, true],
  [{ sshAtServer: 'never', domains: { acme: 'allowed' } }, true, false, true],
  [{ sshAtServer: 'allowed', domains: { acme: 'never' } }, false, true, true],
])('%j: acme %s, others %s, ever %s', (terminal, acme, others, ever) => {
  expect(mayEndHere({ terminal }, 'acme')).toBe(acme);
  for (const domain of ['other', 'constructor', '__proto__'])
    expect(mayEndHere({ terminal }, domain)).toBe(others);
  expect(mayEverEndHere({ terminal })).toBe(ever);
});

const bounds = { days: 1, bytes: 1, sessionBytes: 1 };

test.each<[Pick<RecordingSettings, 'terminals' | 'domains'>, boolean, boolean, boolean]>([
  [{ terminals: 'never', domains: {} }, false, false, false],
  [{ terminals: 'always', domains: {} }, true, true, true],
  [{ terminals: 'never', domains: { acme: 'always' } }, true, false, true],
  [{ terminals: 'always', domains: { acme: 'never' } }, false, true, true],
])('recorded, %j: acme %s, others %s, ever %s', (settings, acme, others, ever) => {
  const terms = { recording: { ...settings, ...bounds } };
  for (const domain of ['acme', 'other', '__proto__']) {
    const expected = domain === 'acme' ? acme : others;
    expect([domain, isRecorded(terms, domain), mayEndHere(terms, domain)]).toEqual([
      domain,
      expected,
      expected,
    ]);
  }
  expect(mayEverEndHere(terms)).toBe(ever);
});
