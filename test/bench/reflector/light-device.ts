import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  deviceUser,
  encodeBare,
  encodeBasic,
  encodeCredit,
  encodeData,
  encodePropertyHeader,
  FrameDecoder,
  Opcode,
  WebSocketReader,
} from 'rm-protocol';

/** What all devices of a fleet have in common. */
export interface FleetFacts {
  /** 127.0.0.1 by default, which is dialled from several addresses. */
  readonly host?: string;
  readonly port: number;
  readonly tls: boolean;
  readonly domain: string;
  readonly password: string;
}

/** What one process of a fleet is to be. */
export interface FleetPart {
  readonly facts: FleetFacts;
  readonly from: number;
  readonly count: number;
}

export function deviceName(index: number): string {
  return `device-${index}`;
}

/** Longest wait before dialling again, ms; as `reconnect` of an agent has it. */
const backOff = { min: 1_000, max: 300_000 };
const window = 262_144;
const maxFrame = 65_536;

/** Requests for `/<n>` get a body of n bytes that begins with the device's name. */
export function bodyOf(id: string, bytes: number): string {
  return `${id} `.padEnd(bytes, '.');
}

/**
 * As little of an agent as a fleet of thousands needs in one process: it dials, keeps its tunnel, dials again as an agent
 * does, and answers HTTP requests without a body by itself.
 */
export class LightDevice {
  readonly id: string;
  readonly #facts: FleetFacts;
  readonly #address: string;
  readonly #changed: (up: boolean) => void;
  readonly #requests = new Map<number, string>();
  #socket: Socket | null = null;
  #up = false;
  #ceiling = backOff.min;
  #stopped = false;
  /** `Retry-After` of the last refusal, ms. */
  #askedMs = 0;

  /** `address`: of this machine, to dial from. */
  constructor(id: string, facts: FleetFacts, address: string, changed: (up: boolean) => void) {
    this.id = id;
    this.#facts = facts;
    this.#address = address;
    this.#changed = changed;
  }

  dial(): void {
    if (this.#stopped) return;
    const { host, port, tls } = this.#facts;
    const where =
      host === undefined ? { port, host: '127.0.0.1', localAddress: this.#address } : { port, host };
    // Whose certificate it is does not matter to what it costs.
    const socket = tls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
    socket.setNoDelay(true);
    this.#socket = socket;
    socket.once(tls ? 'secureConnect' : 'connect', () => socket.write(this.#head()));
    socket.on('error', () => {});
    socket.on('close', () => this.#lost());
    let head = '';
    const onHead = (chunk: Buffer) => {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', onHead);
      if (!head.startsWith('HTTP/1.1 101 ')) {
        this.#askedMs = 1000 * Number(/^retry-after: (\d+)/im.exec(head)?.[1] ?? 0);
        socket.destroy();
      } else this.#opened(socket, Buffer.from(head.slice(end + 4), 'latin1'));
    };
    socket.on('data', onHead);
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.destroy();
  }

  #lost(): void {
    this.#requests.clear();
    if (this.#up) {
      this.#up = false;
      this.#ceiling = backOff.min;
      this.#changed(false);
    }
    if (this.#stopped) return;
    // What the reflector asks for, and up to as much again, so that those who were asked together do not come together.
    const asked = this.#askedMs;
    this.#askedMs = 0;
    const wait = asked > 0 ? asked + Math.random() * asked : Math.random() * this.#ceiling;
    setTimeout(() => this.dial(), wait);
    if (asked === 0) this.#ceiling = Math.min(this.#ceiling * 2, backOff.max);
  }

  #head(): string {
    const { domain, password } = this.#facts;
    return [
      'GET / HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: IPzDYSW5ClWCGSAl2iQBNQ==',
      'Sec-WebSocket-Protocol: com.appinf.webtunnel.server/1.0',
      'X-WebTunnel-KeepAlive: 300',
      `X-WebTunnel-Extensions: max-frame=${maxFrame}, window=${window}`,
      `X-PTTH-Set-Property: ${encodePropertyHeader({ name: 'targetPorts', value: '80' })}`,
      `Authorization: ${encodeBasic({ user: deviceUser(this.id, domain), password })}`,
      '\r\n',
    ].join('\r\n');
  }

  #opened(socket: Socket, rest: Buffer): void {
    this.#up = true;
    this.#changed(true);
    const send = (message: Uint8Array, opcode = 0x82) => sendMasked(socket, message, opcode);
    const none = () => {};
    const decoder = new FrameDecoder(
      {
        openRequest: (channel) => {
          this.#requests.set(channel, '');
          send(encodeBare(Opcode.openConfirm, channel));
        },
        data: (channel, bytes, start, end) => this.#request(channel, bytes.subarray(start, end), send),
        close: (channel) => {
          if (this.#requests.delete(channel)) send(encodeBare(Opcode.close, channel));
        },
        error: (channel) => this.#requests.delete(channel),
        credit: none,
        openConfirm: none,
        openFault: none,
        properties: none,
        violation: none,
      },
      { frameBytes: maxFrame, propertiesBytes: 1 },
    );
    const reader = new WebSocketReader(
      {
        messageData: (bytes, start, end) => decoder.push(bytes, start, end),
        messageEnd: () => decoder.end(),
        pinged: (payload) => send(payload, 0x8a),
        ponged: none,
        closed: () => socket.destroy(),
      },
      maxFrame + 16,
    );
    const receive = (bytes: Buffer) => reader.push(bytes, 0, bytes.length);
    if (rest.length > 0) receive(rest);
    socket.on('data', receive);
  }

  #request(channel: number, bytes: Uint8Array, send: (message: Uint8Array) => void): void {
    const before = this.#requests.get(channel);
    if (before === undefined) return;
    send(encodeCredit(channel, bytes.length));
    const text = before + Buffer.from(bytes).toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    this.#requests.set(channel, end < 0 ? text : text.slice(end + 4));
    if (end < 0) return;
    const body = bodyOf(this.id, Number(/^GET \/(\d+)/.exec(text)?.[1] ?? 0));
    const answer = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    for (let at = 0; at < answer.length; at += maxFrame) {
      send(encodeData(channel, answer.subarray(at, at + maxFrame)));
    }
  }
}

/** The mask is zero: it protects from proxies, of which there are none here. */
function sendMasked(socket: Socket, message: Uint8Array, opcode: number): void {
  const { length } = message;
  const head = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14);
  head[0] = opcode;
  if (length < 126) head[1] = 0x80 | length;
  else if (length < 65_536) {
    head[1] = 0xfe;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 0xff;
    head.writeUInt32BE(length, 6);
  }
  socket.cork();
  socket.write(head);
  socket.write(message);
  socket.uncork();
}
