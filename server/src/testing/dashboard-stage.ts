import { generatePassword } from 'rm-reflector';
import { LastingDatabase } from 'rm-reflector/store';
import { ScriptedAgent } from '../../../reflector-minimal/src/testing/scripted-agent.ts';
import type { ApiClient } from './api-client.ts';
import { TestServer, type TestServerOptions } from './test-server.ts';

const places = ['Hamburg', 'Lyon', 'Graz', 'Porto', 'Gdańsk', 'Turku', 'Bergen', 'Brno'];
const kinds = ['Pump', 'Valve', 'Chiller', 'Meter', 'Gateway'];
const firmware = ['2.4.1', '2.4.1', '2.4.0', '2.3.7'];
const dayMs = 86_400_000;
const ends = [
  ['silent', 'no sign of life', null],
  ['lost', 'connection lost', null],
  ['disconnected', 'disconnected by an operator', 'carla'],
  ['closed', 'closed by the device with 1001', null],
  ['refused', 'the password of this device was changed', null],
  ['replaced', 'replaced by a newer tunnel of this device', null],
  ['stopped', 'the reflector stops', null],
] as const;

const deliveries = [
  ['device.claimed', 'delivered', 1, 204, null, ''],
  ['device.removed', 'failed', 10, null, 'getaddrinfo ENOTFOUND hooks.example.com', null],
  ['device.claimed', 'delivered', 3, 200, null, '{"ok":true}'],
  ['device.removed', 'failed', 10, 500, null, 'no room on the disk'],
] as const;

/** A fleet as people have one: two domains, devices on and off line with a past, users with different rights. */
export class DashboardStage {
  readonly server: TestServer;
  readonly alice: ApiClient;
  readonly #agents: ScriptedAgent[] = [];
  readonly #passwords = new Map<number, string>();

  private constructor(server: TestServer, alice: ApiClient) {
    this.server = server;
    this.alice = alice;
  }

  static async start(options: TestServerOptions = {}): Promise<DashboardStage> {
    const server = await TestServer.start({
      ...options,
      limits: { eventsBatchMs: 10, eventsPollMs: 20, callsBurst: 10_000, ...options.limits },
    });
    return new DashboardStage(server, await server.signedIn('alice'));
  }

  get base(): string {
    return `http://localhost:${this.server.reflector.port}`;
  }

  async made(path: string, body: object): Promise<unknown> {
    const { status, text, body: answer } = await this.alice.post(path, body);
    if (status >= 300) throw new Error(`${path}: ${status} ${text}`);
    return answer;
  }

  /** Adds `count` devices, of which the first `online` connect. */
  async fill(count: number, online: number): Promise<void> {
    await this.made('/domains', { id: 'acme', name: 'Acme Ltd' });
    await this.made('/domains', { id: 'northwind', name: 'Northwind' });
    for (let n = 1; n <= count; n++) {
      const kind = kinds[n % kinds.length] ?? '';
      const place = places[n % places.length] ?? '';
      const answer = await this.made('/devices', {
        id: `${kind.toLowerCase()}-${n}`,
        domain: n % 4 === 0 ? 'northwind' : 'acme',
        name: `${kind} of ${place}`,
        tags: [place.toLowerCase(), ...(n % 5 === 0 ? ['service-due'] : [])],
        properties: { site: place, contract: `C-${1000 + n * 7}` },
      });
      this.#passwords.set(n, (answer as { readonly password: string }).password);
    }
    for (let n = 1; n <= online; n++) await this.connect(n);
    this.#past();
  }

  /** Users, groups, grants and keys beside alice and bob. */
  async fillPeople(): Promise<void> {
    const secret = generatePassword();
    for (const [name, fullName] of [
      ['carla', 'Carla Santos'],
      ['jonas', 'Jonas Weber'],
      ['miriam', 'Miriam Novák'],
    ] as const) {
      await this.made('/users', { name, fullName, email: `${name}@example.com`, password: secret });
    }
    await this.made('/users', { name: 'inventory', kind: 'service', fullName: 'Nightly inventory' });
    await this.made('/groups', { name: 'field-service', description: 'Technicians on the road' });
    await this.alice.put('/groups/field-service/members/carla', undefined);
    await this.alice.put('/groups/field-service/members/jonas', undefined);
    await this.made('/grants', { group: 'field-service', role: 'operator', domain: 'acme' });
    const tonight = new Date(Date.now() + 36_000_000).toISOString();
    await this.made('/grants', {
      user: 'miriam',
      role: 'user',
      device: 'pump-5',
      ports: ['web'],
      until: tonight,
    });
    await this.made('/grants', { user: 'inventory', role: 'auditor', domain: 'acme' });
    await this.made('/grants', { user: 'bob', role: 'user', domain: 'northwind' });
    await this.made('/keys', { user: 'inventory', name: 'nightly list', permissions: ['devices.read'] });
    await this.made('/enrolment-keys', { name: 'line 3', domain: 'acme', prefix: 'pump-', uses: 500 });
    for (const n of [41, 42]) {
      const applicant = {
        id: `pump-${n}`,
        domain: 'acme',
        secret: 's'.repeat(43),
        hardware: String(n).repeat(32),
      };
      await this.server.client().post('/enroll', applicant);
    }
  }

  /** Quotas that are free, nearly used up and used up. */
  async fillQuotas(): Promise<void> {
    const any = { 'if-match': '*' };
    const quotas = { devices: 32, connections: 40, bytesPerMonth: 2_000_000_000_000 };
    await this.alice.patch('/domains/acme', { description: 'Pumps and valves of Acme', quotas }, any);
    await this.alice.patch('/domains/northwind', { quotas: { devices: 10 } }, any);
    await this.made('/domains', { id: 'spare' });
  }

  /** Two webhooks, of which the first has a past. */
  async fillWebhooks(): Promise<void> {
    const settings = {
      url: 'https://hooks.example.com/fleet',
      description: 'Service desk',
      kinds: ['device.claimed', 'device.removed'],
      domain: 'acme',
    };
    const { id } = (await this.made('/webhooks', settings)) as { readonly id: string };
    await this.made('/webhooks', {
      url: 'https://monitor.example.com/events?source=remote',
      kinds: ['webhook.disabled'],
    });
    const database = new LastingDatabase(`${this.server.folder}/server.sqlite`);
    const delivery = database.prepare(
      `INSERT INTO fleet_deliveries (webhook, message, kind, payload, state, attempts, created, next, tried, status, error, answer, ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?)`,
    );
    const now = Date.now();
    deliveries.forEach(([kind, state, attempts, status, error, answer], i) => {
      const time = now - (deliveries.length - i) * 3_700_000;
      const payload = JSON.stringify({
        type: kind,
        timestamp: new Date(time).toISOString(),
        data: { device: `pump-${5 * (i + 1)}`, domain: 'acme' },
      });
      delivery.run(
        id,
        `msg_${i}`,
        kind,
        payload,
        state,
        attempts,
        time,
        time + 900,
        status,
        error,
        answer,
        41 + i,
      );
    });
    database.close();
  }

  /** Lets the device of this number connect, as a device with a web interface, SSH and VNC. */
  async connect(n: number): Promise<ScriptedAgent> {
    const kind = kinds[n % kinds.length]?.toLowerCase() ?? '';
    const properties = {
      targetPorts: '80,22,5900,5432',
      httpPort: '80',
      sshPort: '22',
      vncPort: '5900',
      version: firmware[n % firmware.length] ?? '',
      serial: `SN-${String(41_000 + n * 13)}`,
      board: n % 3 === 0 ? 'imx6' : 'am335x',
    };
    const agent = await ScriptedAgent.connect(this.server.reflector.port, {
      id: `${kind}-${n}`,
      domain: n % 4 === 0 ? 'northwind' : 'acme',
      password: this.#passwords.get(n) ?? '',
      properties: Object.entries(properties).map(([name, value]) => ({ name, value })),
    });
    this.#agents.push(agent);
    return agent;
  }

  async close(): Promise<void> {
    for (const agent of this.#agents) agent.peer.socket.destroy();
    await this.server.close();
  }

  /** A month of connections and payload. */
  #past(): void {
    const database = new LastingDatabase(`${this.server.folder}/server.sqlite`);
    const now = Date.now();
    const numbers = database.prepare('SELECT number, seen FROM fleet_devices').all() as { number: number }[];
    const connection = database.prepare(
      `INSERT INTO fleet_connections (number, live, began, ended, end_cause, end_reason, end_by, address, agent, bytes_from, bytes_to, sequence)
       VALUES (?, 0, ?, ?, ?, ?, ?, ?, 'rm-agent/0.1.0', ?, ?, ?)`,
    );
    const traffic = database.prepare('INSERT OR REPLACE INTO fleet_traffic VALUES (?, ?, ?, ?)');
    database.transaction(() => {
      let sequence = -numbers.length * 20;
      for (const { number } of numbers) {
        for (let days = 29; days >= 1; days -= 1 + (number % 3)) {
          const began = Math.round(now - days * dayMs + ((number * 7_919) % 20) * 1_000_000);
          const long = ((number + days) % 5 === 0 ? 0.4 : 0.96) * dayMs * (1 + (number % 3));
          const ended = Math.min(Math.round(began + long), now - 7_200_000 * (1 + (number % 5)));
          const from = ((number * 31 + days * 17) % 40) * 1_250_000;
          if (ended > began)
            connection.run(
              number,
              began,
              ended,
              ...(ends[(number + days) % ends.length] ?? []),
              `198.51.100.${number}`,
              from,
              Math.round(from / 9),
              sequence++,
            );
        }
        for (let days = 29; days >= 0; days--) {
          const day = new Date(now - days * dayMs).toISOString().slice(0, 10);
          const from = Math.round(((number * 13 + days * 29) % 37) ** 2 * 21_000);
          traffic.run(number, day, from, Math.round(from / (2 + (days % 4))));
        }
      }
      // Nobody is shown what was before a device was added.
      database.prepare('UPDATE fleet_devices SET created = created - ?').run(40 * dayMs);
      const away = 'UPDATE fleet_devices SET seen = ? - number * 5400000 WHERE seen = 0';
      database.prepare(away).run(now - 600_000);
    })();
    database.close();
  }
}
