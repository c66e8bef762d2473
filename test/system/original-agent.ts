import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { root } from '../checkout.ts';
import { Mailbox } from '../scenarios/stage/wait.ts';
import { deviceId, type RemoteSystem } from './remote-system.ts';

/** The upgrade of the original, release 2.5.0. */
const captured = readFileSync(join(root, 'protocol/src/captured/agent-upgrade.http'), 'latin1');

/** The largest message that the original takes: 4 + 2,048 bytes. */
const messageBytes = 2052;

/**
 * An agent with the limits of the original (`webtunnel.md` section 3): it upgrades with `POST`, breaks its tunnel on a
 * longer message and on a fragment, stays silent to PINGs, and knows no flow control.
 */
export class OriginalAgent {
  /** What the reflector did that the original cannot take; empty when all went well. */
  readonly broken: string[] = [];
  /** PONGs that came for its own PINGs. */
  readonly pongs = new Mailbox<true>('a PONG for the original agent');
  readonly #socket: Socket;
  readonly #channels = new Map<number, Socket>();
  /** After so long a silence it sends a PING. */
  readonly #keepAliveMs: number;
  #silence: NodeJS.Timeout;
  #input: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, keepAliveMs: number) {
    this.#socket = socket;
    this.#keepAliveMs = keepAliveMs;
    this.#silence = setTimeout(() => this.#ping(), keepAliveMs);
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('error', () => {});
  }

  static async connect(system: RemoteSystem, ports: readonly number[]): Promise<OriginalAgent> {
    const socket = connect(system.port, '127.0.0.1');
    const user = `${deviceId}@${system.domain}:${system.devicePassword}`;
    const own: readonly (readonly [RegExp, string])[] = [
      [/(?<=^X-PTTH-Set-Property: device;targetPorts=).*$/m, ports.join(', ')],
      [/(?<=^X-PTTH-Set-Property: device;httpPath=).*$/m, '"/"'],
      [/(?<=^X-PTTH-Set-Property: device;httpPort=).*$/m, String(ports[0])],
      [/^X-PTTH-Set-Property: device;sshPort=.*\r\n/m, ''],
      [/(?<=^Authorization: ).*$/m, `Basic ${Buffer.from(user).toString('base64')}`],
      [/(?<=^Host: ).*$/m, `127.0.0.1:${system.port}`],
    ];
    socket.write(own.reduce((head, [part, value]) => head.replace(part, value), captured));
    let head: Buffer = Buffer.alloc(0);
    while (!head.includes('\r\n\r\n')) {
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      head = Buffer.concat([head, bytes]);
    }
    const end = head.indexOf('\r\n\r\n') + 4;
    const text = head.toString('latin1', 0, end);
    if (!/^HTTP\/1\.1 101 /.test(text)) throw new Error(`upgrade refused: ${text}`);
    if (!/^sec-websocket-protocol: *com\.appinf\.webtunnel\.server\/1\.0\r$/im.test(text)) {
      throw new Error(`no subprotocol in ${text}`);
    }
    const keepAlive = Number(/^x-webtunnel-keepalive: *(\d+)\r$/im.exec(text)?.[1] ?? 300);
    const agent = new OriginalAgent(socket, keepAlive * 1000);
    agent.#receive(head.subarray(end));
    return agent;
  }

  get connected(): boolean {
    return !this.#socket.destroyed;
  }

  stop(): void {
    clearTimeout(this.#silence);
    this.#socket.destroy();
    for (const local of this.#channels.values()) local.destroy();
  }

  #break(what: string): void {
    this.broken.push(what);
    this.stop();
  }

  #ping(): void {
    this.#socket.write(Buffer.of(0x89, 0x80, 0, 0, 0, 0));
    this.#silence = setTimeout(() => this.#ping(), this.#keepAliveMs);
  }

  #receive(bytes: Buffer): void {
    this.#silence.refresh();
    this.#input = this.#input.length > 0 ? Buffer.concat([this.#input, bytes]) : bytes;
    let at = 0;
    while (this.#input.length - at >= 2 && this.connected) {
      const first = this.#input[at] ?? 0;
      const short = (this.#input[at + 1] ?? 0) & 0x7f;
      const header = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (short === 127) this.#break('a message with a length of 64 bits');
      if (this.#input.length - at < header) break;
      const length = short < 126 ? short : this.#input.readUInt16BE(at + 2);
      if (length > messageBytes) this.#break(`a message of ${length} bytes`);
      if (![0x82, 0x88, 0x89, 0x8a].includes(first)) {
        this.#break(`a frame that starts with 0x${first.toString(16)}`);
      }
      if (this.#input.length - at < header + length) break;
      const payload = this.#input.subarray(at + header, at + header + length);
      at += header + length;
      if (first === 0x82) this.#frame(payload);
      if (first === 0x8a) this.pongs.put(true);
      if (first === 0x88) this.stop();
    }
    this.#input = this.#input.subarray(at);
  }

  #frame(frame: Buffer): void {
    const channel = frame.readUInt16BE(2);
    const local = this.#channels.get(channel);
    switch (frame[0]) {
      case 0x00:
        if (local) local.write(frame.subarray(4));
        else this.#send(0x80, channel, [0, 1]);
        break;
      case 0x01:
        this.#open(channel, frame.readUInt16BE(4));
        break;
      case 0x02:
        local?.end();
        break;
      case 0x80:
        this.#channels.delete(channel);
        local?.destroy();
        break;
      default:
        this.#break(`a frame of opcode 0x${frame[0]?.toString(16)}`);
    }
  }

  #open(channel: number, port: number): void {
    const local = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.#channels.set(channel, local);
    local.on('connect', () => this.#send(0x11, channel));
    local.on('data', (bytes) => {
      for (let at = 0; at < bytes.length; at += 2048)
        this.#send(0x00, channel, bytes.subarray(at, at + 2048));
      // It does not read more than its own connection takes.
      if (this.#socket.writableNeedDrain) {
        local.pause();
        this.#socket.once('drain', () => local.resume());
      }
    });
    local.on('end', () => this.#send(0x02, channel));
    local.on('error', () => this.#send(0x80, channel, [0, 5]));
    local.on('close', () => this.#channels.delete(channel));
  }

  #send(opcode: number, channel: number, payload: readonly number[] | Buffer = []): void {
    if (this.#socket.destroyed) return;
    const length = 4 + payload.length;
    const header = length < 126 ? [0x82, 0x80 | length] : [0x82, 0xfe, length >> 8, length & 255];
    this.#socket.write(
      Buffer.concat([
        Buffer.from([...header, 0, 0, 0, 0, opcode, 0, channel >> 8, channel & 255]),
        Buffer.from(payload),
      ]),
    );
  }
}
