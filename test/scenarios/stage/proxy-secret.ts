import { expect } from 'vitest';
import type { AgentProcess } from './agent-process.ts';

/** Passwords of proxies are `proxy-s3cret` in all scenarios: the agent has written it nowhere. */
export function expectNoSecret({ log, output }: AgentProcess): void {
  expect([...log, output].join('\n')).not.toContain('proxy-s3cret');
}
