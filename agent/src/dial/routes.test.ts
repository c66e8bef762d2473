import { describe, expect, it } from 'vitest';
import { reasons } from './routes.ts';
import type { StepFailure } from './steps.ts';

const failures = (...messages: readonly string[]): StepFailure[] =>
  messages.map((message) => ({ step: 'resolving', kind: 'fault', message, retryAfterMs: null }));

describe('the reasons', () => {
  it.each<[messages: readonly string[], text: string]>([
    [[], ''],
    [['1234567890'], '1234567890'],
    [['1234567890x'], '123456789…'],
    [['1234', '5678'], '1234; 5678'],
    [['1234', '5678x'], '1234; and 1 more'],
    [['1', '2', '3', '4', '5'], '1; 2; 3; 4; and 1 more'],
    [['1234', '1234', '1234'], '1234'],
  ])('of %j fit in ten characters, apart from how many more there are', (messages, text) => {
    expect(reasons(failures(...messages), 10)).toBe(text);
  });
});
