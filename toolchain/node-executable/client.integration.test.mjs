import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { run } from '../subprocess.mjs';
import { buildNodeExecutable } from './build-node.mjs';

it('rm-client is one file that needs no Node beside it, and starts itself for ssh', {
  timeout: 900_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rm-client-executable-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const program = await buildNodeExecutable('linux-x64', folder, 'rm-client');
  const env = { PATH: '/usr/bin:/bin', HOME: folder, RM_REFLECTOR: 'http://localhost:1' };
  expect(await run(program, ['--version'], { env })).toMatch(/^rm-client \d+\.\d+\.\d+\n$/);
  expect(await run(program, ['web', 'pump-7', '--print'], { env })).toBe('http://pump-7.localhost:1/\n');
  const options = await run(program, ['ssh', 'pump-7', '-G'], { env });
  expect(options).toContain(
    `proxycommand '${program}' 'connect' '--kind=ssh' '--reflector' 'http://localhost:1' 'pump-7:`,
  );
});
