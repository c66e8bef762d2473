import { constants } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { AgentProcess } from './stage/agent-process.ts';
import { authorityOfFile } from './stage/authority-of-file.ts';
import { lacks, runsUnder } from './stage/features.ts';
import { close, data, fault, open } from './stage/frames.ts';
import { heapNoise } from './stage/heap-noise.ts';
import { LocalService } from './stage/local-service.ts';
import type { Reflector, Upgrade } from './stage/reflector.ts';
import { domain, type Stage, scenario } from './stage/stage.ts';

/** One agent for many devices: `gateway` in the configuration. */

class GatewayStage {
  readonly folder: string;
  readonly #stage: Stage;
  readonly #control: string;
  #config = '';

  constructor(stage: Stage) {
    this.#stage = stage;
    this.folder = join(stage.directory, 'devices');
    this.#control = join(stage.directory, 'control.sock');
    mkdirSync(this.folder);
  }

  device(id: string, port: number, more: object = {}): object {
    return {
      device: { id, domain, password: `password of ${id}` },
      target: '127.0.0.1',
      services: [{ port: 80, targetPort: port, kind: 'tcp' }],
      ...more,
    };
  }

  /** Writes the file of a device, whole at once. */
  write(name: string, content: object | string): void {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    renameSync(this.#stage.file(text), join(this.folder, `${name}.json`));
  }

  remove(name: string): void {
    rmSync(join(this.folder, `${name}.json`));
  }

  run(reflector: Reflector, gateway: object = { folder: this.folder }, more: object = {}): AgentProcess {
    this.#config = this.#stage.file(
      JSON.stringify({
        reflector: reflector.uri,
        gateway,
        reconnect: { min: 1, max: 1 },
        timeouts: { connect: 120 },
        control: this.#control,
        stateFile: join(this.#stage.directory, 'state'),
        ...more,
      }),
      'rm-agent.json',
    );
    return this.#stage.run(['--config', this.#config]);
  }

  async command(...words: string[]): Promise<{ status: number | null; output: string; log: string }> {
    const process = this.#stage.run([...words, '--config', this.#config]);
    const { status } = await process.ended();
    return { status, output: process.output, log: process.log.join('\n') };
  }
}

/** Who asks for a tunnel. */
function user(upgrade: Upgrade): string {
  const [, text = ''] = (upgrade.header('authorization') ?? '').split(' ');
  return Buffer.from(text, 'base64').toString();
}

const authority = authorityOfFile();

/** `gatewayLimits.devices` and `deviceBytes`; the tiny runtime needs a third of what V8 does, 67,174 bytes with quickjs-ng. */
const mostDevices = 200;
const deviceBytes = runsUnder('node') ? 196_608 : 73_728;

describe('the devices of a gateway', () => {
  scenario.skipIf(lacks('gateway') || lacks('tls') || process.env.RM_SLOW !== '1')(
    'cost no more than their bound while nobody uses them, and need no descriptor but their own',
    async ({ stage }) => {
      const gateway = new GatewayStage(stage);
      const reflector = await stage.reflector(authority().issue());
      const devices = (from: number, to: number) => {
        for (let n = from; n < to; n++) gateway.write(`d${n}`, gateway.device(`d${n}`, 9));
      };
      const few = 20;
      devices(0, few);
      const agent = gateway.run(
        reflector,
        { folder: gateway.folder, probe: 0 },
        { tls: { ca: authority().file }, log: { level: 'error' } },
      );
      const accept = async (count: number) => {
        for (let n = 0; n < count; n++) await (await reflector.tunnel()).established();
      };
      const descriptors = () => readdirSync(`/proc/${agent.pid}/fd`).length;
      await accept(few);
      const before = { memory: agent.memory('VmRSS'), descriptors: descriptors() };
      devices(few, mostDevices);
      await accept(mostDevices - few);
      const more = mostDevices - few;
      const cost = Math.round(((agent.memory('VmRSS') - before.memory) * 1024) / more);
      expect(cost).toBeLessThan(deviceBytes + (heapNoise * 1024) / more);
      expect(descriptors() - before.descriptors).toBe(more);
    },
  );
});

describe.concurrent('a device with old TLS', () => {
  const old = {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1',
    ciphers: 'ALL:@SECLEVEL=0',
    secureOptions: constants.SSL_OP_ALL,
  } as const;

  const start = async (stage: Stage, tls: object) => {
    const gateway = new GatewayStage(stage);
    const reflector = await stage.reflector();
    const service = await stage.service(() =>
      LocalService.start((socket) => void socket.pipe(socket), { tls: { ...authority().issue(), ...old } }),
    );
    const services = [{ port: 443, targetPort: service.port, tls }];
    const agent = gateway.run(reflector, {
      devices: [gateway.device('old', service.port, { services })],
      probe: 0,
    });
    return { gateway, agent, tunnel: await reflector.tunnel() };
  };
  const without = lacks('gateway') || lacks('tls');

  scenario.skipIf(without)('is not spoken to unless somebody has asked for it', async ({ stage }) => {
    const { agent, tunnel } = await start(stage, { verify: false });
    tunnel.send(open(1, 443));
    await tunnel.expect(fault(1, 5));
    await agent.logged(/old: service on port 443 cannot be reached: /);
  });

  scenario.skipIf(without || !runsUnder('node'))(
    'is, loudly, where the TLS library has it',
    async ({ stage }) => {
      const { gateway, agent, tunnel } = await start(stage, { verify: false, minVersion: '1.0' });
      await agent.logged(/warning old: .*minVersion: TLS 1\.0 is broken/);
      await tunnel.open(1, 443);
      tunnel.send(data(1, 'over TLS 1.0'));
      await tunnel.expectText(1, 'over TLS 1.0');
      const { output } = await gateway.command('check');
      expect(output).toMatch(/ok +service +old: port 443\n/);
    },
  );

  scenario.skipIf(without || runsUnder('node'))('is named by check where it has not', async ({ stage }) => {
    const { gateway } = await start(stage, { verify: false, minVersion: '1.0' });
    const { output } = await gateway.command('check');
    expect(output).toMatch(
      /FAILED service +old: port 443: TLS 1\.0 is not in the TLS library of this executable, which has 1\.2 and 1\.3; the Node agent has it\n/,
    );
  });
});

describe.concurrent('import of a gateway', () => {
  scenario.skipIf(lacks('gateway') || lacks('import'))(
    'prints one configuration for a folder',
    async ({ stage }) => {
      const folder = join(stage.directory, 'original');
      const own = 'gateway.http.port = 8080\nwebtunnel.reflectorURI = http://remote.example.com\n';
      stage.directoryWith(folder, 'rmgateway.properties', own);
      for (const [id, encoding] of [
        ['a', 'utf8'],
        ['b', 'latin1'],
      ] as const) {
        const text = `webtunnel.deviceId = ${id}\nwebtunnel.deviceName = Süd\nwebtunnel.domain = d\nwebtunnel.host = 10.0.0.1\nwebtunnel.ports = 80\n`;
        stage.directoryWith(folder, `${id}.properties`, Buffer.from(text, encoding));
      }
      for (const path of [folder, join(folder, 'rmgateway.properties')]) {
        const agent = stage.run(['import', path]);
        expect((await agent.ended()).status).toBe(0);
        expect(agent.log).toEqual([expect.stringMatching(/gateway\.\*: .*left out/)]);
        const device = (id: string) => ({
          device: { id, domain: 'd', name: 'Süd' },
          target: '10.0.0.1',
          services: [{ port: 80, kind: 'http' }],
        });
        expect(JSON.parse(agent.output)).toEqual({
          reflector: 'http://remote.example.com',
          gateway: { devices: [device('a'), device('b')] },
        });
        const config = stage.file(agent.output);
        expect((await stage.run(['check', '--offline', '--config', config]).ended()).status).toBe(0);
      }
      const nothing = stage.run(['import', stage.directory]);
      expect((await nothing.ended()).status).toBe(78);
      expect(nothing.log).toEqual([
        expect.stringMatching(/found no device, needed are files ID\.properties/),
      ]);
    },
  );
});

describe.concurrent('a gateway', () => {
  const gatewayScenario = scenario.skipIf(lacks('gateway'));

  gatewayScenario('has a tunnel for each device, to its own target', async ({ stage }) => {
    const gateway = new GatewayStage(stage);
    const reflector = await stage.reflector();
    const services = [await stage.service(), await stage.service()];
    for (const [n, { port }] of services.entries()) gateway.write(`d${n}`, gateway.device(`cam-${n}`, port));
    gateway.run(reflector, { folder: gateway.folder, probe: 0 });
    for (let n = 0; n < 2; n++) {
      const upgrade = await reflector.upgrade();
      const [, index = ''] = /^cam-(\d)@/.exec(user(upgrade)) ?? [];
      expect(user(upgrade)).toBe(`cam-${index}@${domain}:password of cam-${index}`);
      const tunnel = upgrade.accept();
      await tunnel.open(1, 80);
      tunnel.send(data(1, `for ${index}`));
      const connection = await services[Number(index)]?.connection();
      await connection?.expectText(`for ${index}`);
      // Nothing but what is listed.
      tunnel.send(open(2, 81));
      await tunnel.expect(fault(2, 2));
    }
  });

  gatewayScenario('follows its folder, one device at a time', async ({ stage }) => {
    const gateway = new GatewayStage(stage);
    const reflector = await stage.reflector();
    const echo = await stage.service(LocalService.echo);
    gateway.write('one', gateway.device('cam-1', echo.port));
    const agent = gateway.run(reflector);
    const first = await reflector.tunnel();
    gateway.write('two', gateway.device('cam-2', echo.port));
    const added = await reflector.upgrade();
    expect(user(added)).toMatch(/^cam-2@/);
    const second = added.accept();
    gateway.write('two', '{ "device": ');
    await agent.logged(/two\.json:1:13: expected a value.*stays as it was/);
    gateway.write('two', gateway.device('cam-3', echo.port));
    await second.closed;
    const changed = await reflector.upgrade();
    expect(user(changed)).toMatch(/^cam-3@/);
    const third = changed.accept();
    gateway.remove('two');
    await third.closed;
    // The first has noticed nothing.
    await first.open(1, 80);
    first.send(data(1, 'still here'));
    await first.expectText(1, 'still here');
    first.send(close(1));
    expect(reflector.connections).toBe(3);
  });

  gatewayScenario('is told of by status, and obeys for one device', async ({ stage }) => {
    const gateway = new GatewayStage(stage);
    const reflector = await stage.reflector();
    const echo = await stage.service(LocalService.echo);
    const devices = ['cam-1', 'cam-2'].map((id) => gateway.device(id, echo.port));
    gateway.run(reflector, { devices });
    const upgrades = [await reflector.upgrade(), await reflector.upgrade()];
    const tunnels = new Map(upgrades.map((upgrade) => [user(upgrade).split('@')[0], upgrade.accept()]));
    for (const tunnel of tunnels.values()) await tunnel.established();
    const all = await gateway.command('status');
    expect(all.output).toMatch(/^gateway: +2 of 2 devices connected/);
    expect(all.output).toMatch(/\ncam-1 +connected for .*; 127\.0\.0\.1/);
    const disabled = await gateway.command('disable', '--persist', '--device', 'cam-1');
    expect(disabled).toMatchObject({ status: 0, output: expect.stringMatching(/^device: +cam-1\n/) });
    await tunnels.get('cam-1')?.closed;
    expect(JSON.parse((await gateway.command('status', '--json', '--device', 'cam-2')).output)).toMatchObject(
      {
        id: 'cam-2',
        state: 'connected',
      },
    );
    expect((await gateway.command('check', '--device', 'cam-2')).output).toMatch(
      /ok +tunnel +cam-2: connected/,
    );
    expect(await gateway.command('status', '--device', 'cam-9')).toMatchObject({
      status: 69,
      log: 'there is no device "cam-9"',
    });
  });

  gatewayScenario('refuses a name that leads to the gateway itself', async ({ stage }) => {
    const gateway = new GatewayStage(stage);
    const reflector = await stage.reflector();
    const echo = await stage.service(LocalService.echo);
    // The C library answers for it without a server, and so does Node.
    gateway.write('one', gateway.device('cam-1', echo.port, { target: 'printer.localhost' }));
    gateway.write('two', gateway.device('cam-2', echo.port, { target: 'localhost' }));
    gateway.run(reflector);
    for (let n = 0; n < 2; n++) {
      const upgrade = await reflector.upgrade();
      const listed = user(upgrade).startsWith('cam-2');
      const tunnel = upgrade.accept();
      if (listed) await tunnel.open(1, 80);
      else {
        tunnel.send(open(1, 80));
        await tunnel.expect(fault(1, 5));
      }
    }
  });

  gatewayScenario('is judged in an image, where links lead as on the device', async ({ stage }) => {
    const root = join(stage.directory, 'image');
    const gateway = new GatewayStage(stage);
    for (const folder of ['etc', 'data/devices']) mkdirSync(join(root, folder), { recursive: true });
    symlinkSync('/data/devices', join(root, 'etc/devices'));
    const put = (path: string, json: object) => writeFileSync(join(root, path), JSON.stringify(json));
    put('etc/rm-agent.json', { reflector: 'https://r.example/', gateway: { folder: '/etc/devices' } });
    const secret = stage.file('not in the image');
    put(
      'data/devices/one.json',
      gateway.device('cam-1', 9, { device: { id: 'cam-1', domain, password: { file: secret } } }),
    );
    const judge = async () => {
      const agent = stage.run(['check', '--offline', '--root', root]);
      const { status } = await agent.ended();
      return { status, output: agent.output, log: agent.log.join('\n') };
    };
    const good = await judge();
    expect(good.output).toBe('ok     configuration /etc/rm-agent.json\n');
    expect(good.log).toContain(`/etc/devices/one.json: device.password.file: ${secret}: no such file`);
    expect(good.status).toBe(0);
    put('data/devices/two.json', { target: 'camera' });
    expect(await judge()).toMatchObject({
      status: 78,
      output: expect.stringMatching(/FAILED device.*two\.json: /),
    });
  });

  scenario.skipIf(!lacks('gateway'))('is named where it was left out', async ({ stage }) => {
    const config = stage.file(JSON.stringify({ reflector: 'http://r/', gateway: { devices: [] } }));
    const agent = stage.run(['check', '--config', config]);
    expect((await agent.ended()).status).toBe(78);
    expect(agent.log.join('\n')).toMatch(/gateway: unknown key/);
  });
});
