import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { type LocalReflector, startLocalReflector } from 'local-reflector';
import { getFromDevice } from 'local-reflector/get-from-device';
import type { Agent } from 'rm-agent';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Display } from './display.ts';
import { supportedDevice } from './supported-device.ts';

let reflector: LocalReflector;
let input: PassThrough;
let output: PassThrough;
let display: Display;
let agent: Agent;

beforeEach(async () => {
  reflector = await startLocalReflector('kiosk-1');
  input = new PassThrough();
  output = new PassThrough();
  display = new Display(input, output);
  agent = supportedDevice({ reflector: reflector.uri, device: reflector.device }, display);
  agent.start();
  await agent.connected();
});

afterEach(async () => {
  display.close();
  await agent.stop();
  await reflector.close();
});

async function answers(words: string): Promise<void> {
  const [question] = (await once(output, 'data')) as [Buffer];
  expect(String(question)).toBe('Support asks for the web interface. Let them in? [y/N] ');
  input.write(`${words}\n`);
}

describe('a device whose user is asked', () => {
  it('lets in after yes, and does not ask again in the same session', async () => {
    const [first] = await Promise.all([getFromDevice(reflector, '/'), answers('Yes')]);
    expect(first).toEqual({ status: 200, text: 'You are on the device.\n' });
    expect(await getFromDevice(reflector, '/again')).toMatchObject({ status: 200 });
  });

  it.each(['no', '', 'yesterday'])('refuses after "%s"', async (words) => {
    const [answer] = await Promise.all([getFromDevice(reflector, '/'), answers(words)]);
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(answer.text).not.toContain('You are on the device');
  });
});
