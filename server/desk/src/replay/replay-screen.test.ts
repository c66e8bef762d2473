import { expect, test, vi } from 'vitest';
import { ReplayScreen } from './replay-screen.ts';

// xterm looks for these when it is loaded, and the screen has an element, which no page shows here.
vi.hoisted(() =>
  Object.assign(globalThis, {
    self: globalThis,
    window: globalThis,
    document: { createElement: () => ({}) },
  }),
);

test('no command of a recorded device goes on for ever because its parameter is large', async () => {
  const screen = new ReplayScreen();
  await screen.reset(40, 5);
  const commands = [...'ILMSTZb'].map((final) => `x\x1b[2147483647${final}`);
  await expect(screen.show(commands.join(''))).resolves.toBeUndefined();
});
