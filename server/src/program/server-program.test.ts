import { run } from 'rm-reflector/program';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { serverProgram } from './server-program.ts';

async function help(...args: string[]): Promise<string> {
  let printed = '';
  const print = (text: string) => {
    printed += text;
  };
  const ask = () => Promise.reject(new Error('nobody is there'));
  const context = { environment: {}, clock: new ManualClock(), print, printError: print, ask };
  expect(await run([...args, '--help'], context, serverProgram)).toBe(0);
  return printed;
}

test('--help says of each command what it does, and that of a command nothing else', async () => {
  const all = await help();
  for (const [name, { help: sentences }] of Object.entries(serverProgram.commands ?? {})) {
    expect(all).toContain(sentences);
    const own = await help(name);
    expect(own).toMatch(new RegExp(`^Usage: rm-server ${name} [^]*${name} `));
    expect(own).not.toContain('--listen');
    for (const line of sentences.split('\n')) expect(line.length).toBeLessThanOrEqual(128);
  }
});

test('agents reach it by publicUrl', () => {
  const of = (values: object) =>
    serverProgram.agentUrl?.({ path: 'x', values: new Map(Object.entries(values)) } as never);
  expect(of({ publicUrl: 'https://rm.example.com' })).toBe('https://rm.example.com/');
  for (const values of [{}, { publicUrl: 7 }, { publicUrl: 'nothing' }]) expect(of(values)).toBeNull();
});
