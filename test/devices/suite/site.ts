import { randomFillSync } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext } from 'playwright-core';
import { AgentProcess } from '../../scenarios/stage/agent-process.ts';
import { openLoggedIn, startChromium } from '../../system/chromium.ts';
import { reservedPort } from '../../system/loopback-port.ts';
import { addDevice, RemoteSystem } from '../../system/remote-system.ts';
import type { Device } from './device.ts';
import type { Desk } from './questions.ts';
import type { Way } from './way.ts';

/** Both hosts of the agent. */
const agents = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['tiny', ['dist/x86_64/rm-agent']],
] as const;

/** Gateways of both hosts, and their two devices, which share the services: the device with an even index is in the first. */
const gateways = [
  ['gateway-node', 'node'],
  ['gateway-tiny', 'tiny'],
] as const;

/** One reflector, both agents with all devices as their services, and a browser whose user is logged in. */
export class Site {
  readonly browser: Browser;
  readonly desk: Desk;
  readonly state: Awaited<ReturnType<BrowserContext['storageState']>>;
  readonly #system: RemoteSystem;
  /** A file with the name and password of the user, for curl. */
  readonly #credentials: string;
  readonly #credentialsBeside: string;
  readonly #agents: readonly AgentProcess[];
  readonly #ports: ReadonlyMap<Device, number>;

  private constructor(
    system: RemoteSystem,
    running: readonly AgentProcess[],
    browser: Browser,
    state: Site['state'],
    ports: ReadonlyMap<Device, number>,
  ) {
    this.#system = system;
    this.#agents = running;
    this.browser = browser;
    this.state = state;
    this.#ports = ports;
    const directory = join(system.directory, 'desk');
    mkdirSync(directory);
    const upload = join(directory, 'upload.bin');
    writeFileSync(upload, randomFillSync(Buffer.alloc(2 << 20)));
    this.desk = { directory, upload };
    this.#credentials = join(directory, 'curl');
    // Not every resolver knows that *.localhost is this machine.
    const { user, password, port } = system;
    const place = `connect-to = "::127.0.0.1:${port}"\n`;
    writeFileSync(this.#credentials, `${place}user = "${user}:${password}"\n`, { mode: 0o600 });
    this.#credentialsBeside = join(directory, 'curl-beside');
    const header = `X-PTTH-Authorization: ${system.authorization}`;
    writeFileSync(this.#credentialsBeside, `${place}header = "${header}"\n`, { mode: 0o600 });
  }

  static async start(devices: readonly Device[]): Promise<Site> {
    const ports = new Map<Device, number>();
    for (const device of devices) ports.set(device, await reservedPort());
    const services = [...ports].map(([{ settings, tls }, port]) => ({
      port,
      kind: tls ? 'https' : 'http',
      ...settings?.(port),
    }));
    const system = await RemoteSystem.start({ services: [], agent: null });
    const running: AgentProcess[] = [];
    try {
      for (const [id, command] of agents) running.push(startAgent(system, id, command, services));
      for (const [id, host] of gateways) {
        const command = agents.find(([name]) => name === host)?.[1] ?? [];
        running.push(startGateway(system, id, command, services));
      }
      await Promise.all(running.map((agent) => agent.logged(/connected to/)));
      const browser = await startChromium();
      const context = await browser.newContext();
      await openLoggedIn(await context.newPage(), `http://localhost:${system.port}/`, system);
      const state = await context.storageState();
      await context.close();
      return new Site(system, running, browser, state, ports);
    } catch (error) {
      // Nothing of a site that has not come about is to go on.
      for (const agent of running) agent.signal('SIGKILL');
      await system.stop();
      throw error;
    }
  }

  portOf(device: Device): number {
    return this.#ports.get(device) ?? 0;
  }

  /** Directly, and through each agent. */
  waysTo(device: Device): { readonly direct: Way; readonly through: readonly Way[] } {
    const port = this.portOf(device);
    const authority = `127.0.0.1:${port}`;
    const insecure = device.tls ? ['--insecure'] : [];
    const direct: Way = {
      name: 'the direct way',
      way: 'direct',
      authority,
      host: '127.0.0.1',
      origin: `${device.tls ? 'https' : 'http'}://${authority}`,
      curl: insecure,
      headers: {},
      curlBeside: insecure,
    };
    const index = [...this.#ports.keys()].indexOf(device);
    return {
      direct,
      through: [
        ...agents.map(([id]) => this.#through(id, port)),
        ...gateways.map(
          ([id]): Way => ({ ...this.#through(`${id}-${index % 2}`, port), withoutChromium: true }),
        ),
      ],
    };
  }

  #through(id: string, port: number): Way {
    const host = `${id}-${port}.localhost`;
    const authority = `${host}:${this.#system.port}`;
    const origin = `http://${authority}`;
    return {
      name: `the ${id} agent`,
      way: id,
      authority,
      host,
      origin,
      curl: ['--config', this.#credentials],
      headers: { Authorization: this.#system.authorization },
      curlBeside: ['--config', this.#credentialsBeside],
    };
  }

  async stop(): Promise<void> {
    await this.browser.close();
    for (const agent of this.#agents) agent.signal('SIGTERM');
    for (const agent of this.#agents) await agent.ended();
    await this.#system.stop();
  }
}

function startAgent(
  system: RemoteSystem,
  id: string,
  command: readonly string[],
  services: readonly unknown[],
): AgentProcess {
  const { domain, secretFile } = addDevice(system, id);
  const file = join(system.directory, `${id}.json`);
  const configuration = {
    reflector: `http://127.0.0.1:${system.port}/`,
    device: { id, domain, password: { file: secretFile } },
    services,
    control: null,
    stateFile: null,
  };
  writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
  return AgentProcess.start(['--config', file], {}, command);
}

/** One process with two devices, whose targets are named as those of a gateway are. */
function startGateway(
  system: RemoteSystem,
  id: string,
  command: readonly string[],
  services: readonly { readonly kind: string }[],
): AgentProcess {
  const devices = [0, 1].map((half) => {
    const { domain, secretFile } = addDevice(system, `${id}-${half}`);
    return {
      device: { id: `${id}-${half}`, domain, password: { file: secretFile } },
      target: '127.0.0.1',
      services: services
        .filter((_, index) => index % 2 === half)
        .map((service) => (service.kind === 'https' ? { tls: { verify: false }, ...service } : service)),
    };
  });
  const file = join(system.directory, `${id}.json`);
  const configuration = {
    reflector: `http://127.0.0.1:${system.port}/`,
    // A device that takes one connection is not to lose it to us.
    gateway: { devices, probe: 0 },
    control: null,
    stateFile: null,
  };
  writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
  return AgentProcess.start(['--config', file], {}, command);
}

/** A directory of its own for each device, which its workers under another user can read. */
export function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rm-device-'));
  chmodSync(directory, 0o755);
  return directory;
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
