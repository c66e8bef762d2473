import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Container } from './container.ts';
import { output } from './debian-root.ts';

/** The container images, started by runc with nothing but environment variables. */

const folder = mkdtempSync(join(tmpdir(), 'rm-images-'));
const first = join(folder, 'first');
const second = join(folder, 'second');
const service = createServer((_request, response) => response.end('the page of the device'));

async function make(release: string): Promise<void> {
  const kinds = ['executables', 'debian', 'openwrt', 'images'].flatMap((kind) => ['--only', kind]);
  const args = [...kinds, '--target', 'x86_64', '--output', release];
  await output(process.execPath, 'toolchain/release/release.mjs', ...args);
}

beforeAll(async () => {
  await make(first);
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
});

afterAll(() => {
  service.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a release has the same bytes when it is made again', async () => {
  await make(second);
  const names = readdirSync(first);
  expect(readdirSync(second)).toEqual(names);
  const same = (name: string) => readFileSync(join(first, name)).equals(readFileSync(join(second, name)));
  expect(names.filter((name) => !same(name))).toEqual([]);
});

/** What a user gets of the device, or the reason why nothing. */
function page(port: number, authorization: string): Promise<string> {
  return new Promise((resolve) => {
    const headers = { host: `device-1.localhost:${port}`, authorization };
    request({ host: '127.0.0.1', port, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
      response.on('end', () => resolve(text));
    })
      .on('error', (error) => resolve(error.message))
      .end();
  });
}

test('the reflector and the agent reach each other, configured by environment variables', async () => {
  const image = (name: string) =>
    join(
      first,
      readdirSync(first).find((file) => file.startsWith(`${name}-`) && file.endsWith('.oci.tar')) ?? '',
    );
  const [left, right] = ['reflector', 'agent'].map((name) => join(folder, name));
  for (const work of [left, right]) mkdirSync(work ?? '');
  const domain = '7f1c4c5e-52a4-4f1e-9d0b-0d9a3d1f6b11';
  const data = '/var/lib/rm-reflector';
  const reflector = await Container.start(
    image('rm-reflector'),
    left ?? '',
    data,
    { RM_REFLECTOR_LISTEN: '127.0.0.1:0' },
    { device: 'device password\n', user: 'violet harbour lamp 77\n' },
  );
  let agent: Container | undefined;
  try {
    const [, port = ''] = await reflector.says(/:(\d+)\/?$/m);
    const device = ['device', 'add', 'device-1', '--domain', domain, '--password-file', `${data}/device`];
    await reflector.run('/usr/bin/rm-reflector', ...device);
    await reflector.run('/usr/bin/rm-reflector', 'user', 'add', 'alice', '--password-file', `${data}/user`);
    await reflector.run('/usr/bin/rm-reflector', 'user', 'grant', 'alice', domain);

    const { port: servicePort } = service.address() as AddressInfo;
    agent = await Container.start(image('rm-agent'), right ?? '', '/var/lib/rm-agent', {
      RM_REFLECTOR: `http://127.0.0.1:${port}/`,
      RM_DEVICE_ID: 'device-1',
      RM_DOMAIN: domain,
      RM_PASSWORD: 'device password',
      RM_SERVICES: `80:http=127.0.0.1:${servicePort},22`,
    });
    await agent.says(/connected to/);
    const authorization = `Basic ${Buffer.from('alice:violet harbour lamp 77').toString('base64')}`;
    await expect
      .poll(() => page(Number(port), authorization), { timeout: 60_000 })
      .toBe('the page of the device');
    expect(await agent.run('/usr/bin/rm-agent', '--config', '/run/rm-agent.json', 'status')).toContain(
      'connected',
    );
  } finally {
    await agent?.stop();
    await reflector.stop();
  }
});
