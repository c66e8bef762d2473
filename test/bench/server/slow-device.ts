import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deviceSecrets, generatePassword, Installation, SqliteStore } from 'rm-reflector';
import { AgentProcess } from '../../scenarios/stage/agent-process.ts';
import { type LinkSpeed, SlowLink } from '../../system/slow-link.ts';
import { ServerSite } from './site.ts';

/** As a phone network of the second generation carries it (EDGE), for a device that dials out. */
export const edge: LinkSpeed = { up: 118_000, down: 236_000, delay: 250 };

/** A port of a device, and where its service is on this machine. */
export interface SlowService {
  readonly port: number;
  readonly kind: 'http' | 'ssh' | 'vnc';
  readonly targetPort: number;
}

/** A server, and the link of a device. */
export interface SlowDevice {
  readonly site: ServerSite;
  readonly link: SlowLink;
}

/** Runs `use` with a server and a device of this ID whose agent reaches it over a slow link. `settings`: of the server; `folder`: for files. */
export async function withSlowDevice(
  id: string,
  services: readonly SlowService[],
  settings: Readonly<Record<string, unknown>>,
  folder: string,
  use: (device: SlowDevice) => Promise<void>,
): Promise<void> {
  let domain = '';
  const secret = generatePassword();
  const site = await ServerSite.open(async (path) => {
    const store = SqliteStore.open(path);
    domain = await new Installation(store).domain();
    const secrets = await deviceSecrets(id, domain, secret, false);
    await store.devices.add({ id, domain, secrets }, Date.now(), null);
    await store.close();
  }, settings);
  const link = await SlowLink.open(site.port, edge);
  const file = join(folder, 'rm-agent.json');
  const configuration = {
    reflector: `http://127.0.0.1:${link.port}/`,
    device: { id, domain, password: secret },
    services: services.map((service) => ({ ...service, target: '127.0.0.1' })),
    control: null,
    stateFile: null,
  };
  writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
  const agent = AgentProcess.start(['--config', file], {}, ['node', 'dist/node/rm-agent.mjs']);
  try {
    await agent.logged(/connected to/);
    await use({ site, link });
  } finally {
    agent.signal('SIGTERM');
    await agent.ended();
    link.close();
    await site.close();
  }
}
