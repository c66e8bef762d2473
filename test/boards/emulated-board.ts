import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { deviceSecrets, hashPassword, Installation, type Reflector, startReflector } from 'rm-reflector';
import { Guest, type GuestOptions } from '../../toolchain/qemu/guest.mjs';
import { Authority } from '../certificates/authority.ts';

/** Seconds; a guest on a busy machine must be able to answer within them. */
const keepAlive = 20;

/**
 * How long an attempt of the agent may take, in seconds, and how long it may take to open a channel, in milliseconds. On a busy
 * machine the defaults end attempts that the reflector has just answered, and channels that the guest is about to open.
 */
const attemptSeconds = 120;
const limits = { openMs: attemptSeconds * 1000 };

/** The file `/www/data` in the guest. */
export const data = randomFillSync(Buffer.alloc(16 << 20));
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const upload = `#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
head -c "$CONTENT_LENGTH" | sha256sum
`;

const transferFiles = [
  { path: 'www/data', mode: 0o644, content: data },
  { path: 'www/cgi-bin/sha256', mode: 0o755, content: Buffer.from(upload) },
];

/** A board in QEMU whose agent reaches a reflector in this process over TLS. */
export class EmulatedBoard {
  readonly id = 'board';
  readonly user = 'operator';
  readonly password = 'operator password';
  readonly folder: string;
  readonly guest: Guest;
  readonly options: GuestOptions;
  /** From power-on until the tunnel was up. */
  readonly bootMs: number;
  #reflector: Reflector;
  readonly #front: Front;
  readonly #authority: Authority;
  #waiting: (() => void)[] = [];
  #arrivals = 0;

  private constructor(
    parts: {
      folder: string;
      reflector: Reflector;
      front: Front;
      authority: Authority;
      guest: Guest;
      options: GuestOptions;
    },
    bootMs: number,
  ) {
    this.folder = parts.folder;
    this.guest = parts.guest;
    this.options = parts.options;
    this.bootMs = bootMs;
    this.#reflector = parts.reflector;
    this.#front = parts.front;
    this.#authority = parts.authority;
    this.#watch();
  }

  /** Resolves when the device is on line. */
  static async start(
    board: string,
    more: Partial<GuestOptions> = {},
    agent: Readonly<Record<string, unknown>> = {},
  ): Promise<EmulatedBoard> {
    const folder = mkdtempSync(join(tmpdir(), 'rm-board-'));
    const authority = new Authority();
    const reflector = await startReflector({ data: join(folder, 'reflector.sqlite'), keepAlive, limits });
    const domain = await new Installation(reflector.store).domain();
    const secrets = await deviceSecrets('board', domain, 'device password', false);
    await reflector.store.devices.add({ id: 'board', domain, secrets }, Date.now(), null);
    const hash = await hashPassword('operator password');
    await reflector.store.users.add('operator', hash, Date.now(), 'administrator');
    const certificate = authority.issue({ names: 'DNS:reflector.test' });
    const front = await Front.start(certificate, reflector.port);
    const options: GuestOptions = {
      board,
      folder,
      id: 'board',
      domain,
      secret: 'device password',
      agent: {
        reflector: 'https://reflector.test/',
        tls: { ca: '/etc/rm-agent.ca.pem' },
        // The test cuts the tunnel many times.
        reconnect: { min: 1, max: 2 },
        timeouts: { connect: attemptSeconds },
        ...agent,
      },
      ports: [443],
      files: [
        { path: 'etc/rm-agent.ca.pem', mode: 0o600, content: readFileSync(authority.file) },
        ...(more.slots ? [] : transferFiles),
      ],
      ...more,
    };
    const guest = await Guest.start(options).catch(async (error: unknown) => {
      await front.stop();
      await reflector.close();
      rmSync(folder, { recursive: true, force: true });
      throw error;
    });
    const started = performance.now();
    guest.lead(443, front.port);
    const online = new Promise<void>((resolve) => {
      reflector.presence.watch({ came: () => resolve(), went() {} });
    });
    await Promise.race([
      online,
      guest.ended.then((status) =>
        Promise.reject(new Error(`QEMU ended with ${status}: ${guest.log.slice(-2000)}`)),
      ),
    ]);
    const ms = performance.now() - started;
    await guest.booted();
    return new EmulatedBoard({ folder, reflector, front, authority, guest, options }, ms);
  }

  get port(): number {
    return this.#reflector.port;
  }

  /** Adds a user with the password of the first. */
  async addUser(name: string): Promise<void> {
    const hash = await hashPassword(this.password);
    await this.#reflector.store.users.add(name, hash, Date.now(), 'administrator');
  }

  /** Of a request to the device by a user. */
  headers(user: string = this.user): { readonly host: string; readonly authorization: string } {
    const credentials = Buffer.from(`${user}:${this.password}`).toString('base64');
    return { host: `${this.id}.localhost:${this.port}`, authorization: `Basic ${credentials}` };
  }

  /** How often the device has come on line, and why its last tunnel ended. */
  async history(): Promise<string> {
    const device = await this.#reflector.store.devices.get(this.id);
    return `${this.#arrivals} more tunnels, the last ended: ${JSON.stringify(device?.lastEnd ?? null)}`;
  }

  get isOnline(): boolean {
    return this.#reflector.presence.local.size > 0;
  }

  #watch(): void {
    const changed = () => {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const each of waiting) each();
    };
    this.#reflector.presence.watch({
      came: () => {
        this.#arrivals += 1;
        changed();
      },
      went: changed,
    });
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  /** Resolves with the next tunnel after `disturbance` has begun, or with the first of them that is the `awaited` one. */
  async comesBackAfter(disturbance: () => unknown, awaited = () => true): Promise<void> {
    const before = this.#arrivals;
    await disturbance();
    await this.#until(() => this.#arrivals > before && this.isOnline && awaited());
  }

  async goesAfter(disturbance: () => unknown): Promise<void> {
    await disturbance();
    await this.#until(() => !this.isOnline);
  }

  /** Ends the device's connection without a word. */
  cut(): void {
    this.#front.cut();
  }

  /** Ends the reflector, and starts another one with its data on another port. */
  async restartReflector(): Promise<void> {
    await this.#reflector.close();
    const path = join(this.folder, 'reflector.sqlite');
    this.#reflector = await startReflector({ data: path, keepAlive, limits });
    this.#front.leadTo(this.#reflector.port);
    this.#watch();
  }

  get url(): string {
    return `http://${this.id}.localhost:${this.port}`;
  }

  urlOf(port: number): string {
    return `http://${this.id}-${port}.localhost:${this.port}`;
  }

  /** The file that is the root file system. */
  get image(): string {
    return join(this.folder, 'root.squashfs');
  }

  /** Resolves when no connection of the device is open any more. */
  async nothingOpen(): Promise<void> {
    await this.#front.closed();
  }

  /** Runs a command in the guest that must succeed. */
  async run(command: string): Promise<string> {
    const { status, output } = await this.guest.run(command);
    if (status !== 0) throw new Error(`${command}: status ${status}: ${output}`);
    return output;
  }

  /** What the kernel has said of having no memory left. */
  async outOfMemory(): Promise<string> {
    // The console drops lines that look as if the kernel had written them there by itself.
    return await this.run("dmesg | grep -iE 'out of memory|oom-kill|invoked oom' | sed 's/^/dmesg: /'");
  }

  /** Asks the device's web server through the reflector; ends once `enough` bytes have come. */
  async fetch(
    path: string,
    { body, enough = Infinity }: { body?: Buffer; enough?: number } = {},
  ): Promise<Buffer> {
    return await new Promise((resolve, reject) => {
      const asked = request(
        {
          host: '127.0.0.1',
          port: this.port,
          path,
          method: body ? 'POST' : 'GET',
          agent: false,
          headers: {
            ...this.headers(),
            ...(body && { 'content-length': body.length, 'content-type': 'application/octet-stream' }),
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          let length = 0;
          response.on('data', (part: Buffer) => {
            parts.push(part);
            length += part.length;
            if (length < enough) return;
            resolve(Buffer.concat(parts));
            response.destroy();
          });
          response.on('error', reject);
          response.on('end', () => {
            if (response.statusCode === 200) resolve(Buffer.concat(parts));
            else reject(new Error(`${path}: ${response.statusCode} ${Buffer.concat(parts)}`));
          });
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }

  async stop(): Promise<void> {
    await this.guest.stop();
    await this.#front.stop();
    await this.#reflector.close();
    this.#authority.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Ends TLS in front of the reflector. */
class Front {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #to: number;

  private constructor(certificate: { readonly cert: string; readonly key: string }, to: number) {
    this.#to = to;
    this.#server = createServer(certificate, (socket) => {
      const inner = connect(this.#to, '127.0.0.1');
      for (const [from, other] of [
        [socket, inner],
        [inner, socket],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => {
          this.#sockets.delete(from);
          other.destroy();
        });
        from.pipe(other);
      }
    });
  }

  static async start(
    certificate: { readonly cert: string; readonly key: string },
    to: number,
  ): Promise<Front> {
    const front = new Front(certificate, to);
    await new Promise<void>((resolve) => front.#server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when no socket is open. */
  async closed(): Promise<void> {
    for (const socket of this.#sockets) await once(socket, 'close');
  }

  leadTo(port: number): void {
    this.#to = port;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
