import { connect, type Socket } from 'node:net';
import {
  decodeExtension,
  deviceUser,
  type Extension,
  encodeBare,
  encodeBasic,
  encodeCredit,
  encodeData,
  encodePropertyHeader,
  encodeWord,
  Opcode,
  type Property,
} from 'rm-protocol';
import { type RawFrame, WebSocketPeer } from './web-socket-peer.ts';

export interface AgentOptions {
  readonly id: string;
  readonly domain: string;
  readonly password: string;
  /** The original sends POST. */
  readonly method?: 'GET' | 'POST';
  readonly host?: string;
  readonly properties?: readonly Property[];
  /** Value of `X-WebTunnel-Extensions`. */
  readonly extensions?: string;
  readonly keepAlive?: number;
  /** The whole header value, in place of Basic with the password; `null`: none. */
  readonly authorization?: string | null;
  /** What a proxy in front says of where it comes from. */
  readonly forwardedFor?: string;
  readonly visitorKey?: string;
}

/** A frame from the reflector. */
export interface Frame {
  readonly opcode: number;
  readonly channel: number;
  readonly payload: Buffer;
}

export function upgradeHead(options: AgentOptions): string {
  const {
    id,
    domain,
    password,
    method = 'POST',
    host = 'localhost',
    properties = [],
    keepAlive = 300,
  } = options;
  const authorization =
    options.authorization === undefined
      ? encodeBasic({ user: deviceUser(id, domain), password })
      : options.authorization;
  return [
    `${method} / HTTP/1.1`,
    'Sec-WebSocket-Protocol: com.appinf.webtunnel.server/1.0',
    ...properties.map((property) => `X-PTTH-Set-Property: ${encodePropertyHeader(property)}`),
    'User-Agent: ScriptedAgent/1.0',
    `X-WebTunnel-KeepAlive: ${keepAlive}`,
    ...(options.extensions === undefined ? [] : [`X-WebTunnel-Extensions: ${options.extensions}`]),
    ...(authorization === null ? [] : [`Authorization: ${authorization}`]),
    ...(options.forwardedFor === undefined ? [] : [`X-Forwarded-For: ${options.forwardedFor}`]),
    ...(options.visitorKey === undefined ? [] : [`X-RM-Visitor-Key: ${options.visitorKey}`]),
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: IPzDYSW5ClWCGSAl2iQBNQ==',
    `Host: ${host}`,
    '\r\n',
  ].join('\r\n');
}

/**
 * A device whose every answer a test decides. Without the extension it has the original agent's limits
 * (`webtunnel.md` section 3): a message of more than 2,052 bytes or a fragment breaks its tunnel, and PINGs get no
 * answer.
 */
export class ScriptedAgent {
  readonly peer: WebSocketPeer;
  readonly extension: Extension | null;
  /** Why the tunnel broke, as the original agent's would have. */
  broken: string | null = null;
  pings = 0;
  closeCode: number | null = null;
  /** Answer a close frame with one, as RFC 6455 demands. */
  answersClose = true;
  onFrame: ((frame: Frame) => void) | null = null;
  readonly ended: Promise<void>;
  readonly #frames: Frame[] = [];
  #waiting: ((frame: Frame) => void) | null = null;

  constructor(peer: WebSocketPeer) {
    this.peer = peer;
    const header = peer.header('X-WebTunnel-Extensions');
    this.extension = header === undefined ? null : decodeExtension(header);
    this.ended = new Promise((resolve) => peer.socket.once('close', () => resolve()));
    peer.onFrame = (frame) => this.#receive(frame);
  }

  static async connect(port: number, options: AgentOptions): Promise<ScriptedAgent> {
    return new ScriptedAgent(await WebSocketPeer.connect(port, upgradeHead(options)));
  }

  /** The next frame, in order. */
  frame(): Promise<Frame> {
    const next = this.#frames.shift();
    if (next) return Promise.resolve(next);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** The next frame, which must have this opcode. */
  async expect(opcode: number): Promise<Frame> {
    const frame = await this.frame();
    if (frame.opcode !== opcode) {
      throw new Error(`opcode 0x${frame.opcode.toString(16)} where 0x${opcode.toString(16)} was expected`);
    }
    return frame;
  }

  confirm(channel: number): void {
    this.peer.send(encodeBare(Opcode.openConfirm, channel));
  }

  fault(channel: number, error: number): void {
    this.peer.send(encodeWord(Opcode.openFault, channel, error));
  }

  error(channel: number, error: number): void {
    this.peer.send(encodeWord(Opcode.error, channel, error));
  }

  data(channel: number, payload: Uint8Array | string): void {
    this.peer.send(encodeData(channel, typeof payload === 'string' ? Buffer.from(payload) : payload));
  }

  close(channel: number): void {
    this.peer.send(encodeBare(Opcode.close, channel));
  }

  credit(channel: number, bytes: number): void {
    this.peer.send(encodeCredit(channel, bytes));
  }

  destroy(): void {
    this.peer.socket.destroy();
  }

  #receive({ final, opcode, payload }: RawFrame): void {
    if (opcode === 9) {
      this.pings++;
      if (this.extension) this.peer.send(payload, 10);
    } else if (opcode === 8) {
      this.closeCode = payload.length >= 2 ? payload.readUInt16BE() : 1005;
      if (this.answersClose) this.peer.send(payload, 8);
    } else if (opcode === 2 || opcode === 0) {
      if (!final || opcode === 0) this.#break('a fragment');
      else if (!this.extension && payload.length > 2052) this.#break(`a message of ${payload.length} bytes`);
      else
        this.#dispatch({
          opcode: payload[0] ?? -1,
          channel: payload.readUInt16BE(2),
          payload: payload.subarray(4),
        });
    }
  }

  #dispatch(frame: Frame): void {
    if (this.onFrame) {
      this.onFrame(frame);
    } else if (this.#waiting) {
      const resolve = this.#waiting;
      this.#waiting = null;
      resolve(frame);
    } else {
      this.#frames.push(frame);
    }
  }

  #break(what: string): void {
    this.broken = what;
    this.destroy();
  }
}

/** Makes a scripted agent forward to real servers on this machine, as an agent would. */
export class Forwarding {
  readonly #agent: ScriptedAgent;
  readonly #ports: ReadonlyMap<number, number>;
  readonly #locals = new Map<number, LocalSide>();
  /** Open requests seen. */
  opens = 0;

  /** `ports`: those that may be opened, each with the port on this machine; in a list they are the same. */
  constructor(agent: ScriptedAgent, ports: readonly number[] | ReadonlyMap<number, number>) {
    this.#agent = agent;
    this.#ports = 'get' in ports ? ports : new Map(ports.map((port) => [port, port]));
    agent.onFrame = (frame) => this.#handle(frame);
    void agent.ended.then(() => {
      for (const local of this.#locals.values()) local.socket.destroy();
    });
  }

  /** Channels whose local connection is open, or whose last bytes wait for credit. */
  get open(): number {
    return this.#locals.size;
  }

  #handle({ opcode, channel, payload }: Frame): void {
    const local = this.#locals.get(channel);
    if (opcode === Opcode.openRequest) {
      this.opens++;
      const port = this.#ports.get(payload.readUInt16BE());
      if (port !== undefined) this.#dial(channel, port);
      else this.#agent.fault(channel, 2);
    } else if (opcode === Opcode.data) {
      local?.socket.write(payload);
      if (this.#agent.extension) this.#agent.credit(channel, payload.length);
    } else if (opcode === Opcode.close) {
      local?.socket.end();
    } else if (opcode === Opcode.error) {
      this.#locals.delete(channel);
      local?.socket.destroy();
    } else if (opcode === Opcode.credit) {
      local?.grant(payload.readUInt32BE());
    }
  }

  #dial(channel: number, port: number): void {
    const agent = this.#agent;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const local = new LocalSide(agent, channel, socket);
    let opened = false;
    socket.on('connect', () => {
      opened = true;
      this.#locals.set(channel, local);
      agent.confirm(channel);
    });
    socket.on('end', () => local.finish());
    socket.on('error', () => {
      if (!opened) agent.fault(channel, 3);
      else if (this.#locals.delete(channel)) agent.error(channel, 5);
    });
    socket.on('close', () => local.whenSent(() => this.#locals.delete(channel)));
  }
}

/** Sends what a local socket says, within the credit of its channel. */
class LocalSide {
  readonly socket: Socket;
  readonly #agent: ScriptedAgent;
  readonly #channel: number;
  #credit: number;
  #waiting: Buffer[] = [];
  #finished = false;
  #sent: (() => void) | null = null;

  constructor(agent: ScriptedAgent, channel: number, socket: Socket) {
    this.#agent = agent;
    this.#channel = channel;
    this.socket = socket;
    this.#credit = agent.extension?.window ?? Number.POSITIVE_INFINITY;
    socket.on('data', (chunk) => {
      this.#waiting.push(chunk);
      this.#flush();
    });
  }

  grant(bytes: number): void {
    this.#credit += bytes;
    this.#flush();
  }

  /** Calls `sent` when nothing waits for credit any more. */
  whenSent(sent: () => void): void {
    this.#sent = sent;
    if (this.#waiting.length === 0) sent();
  }

  finish(): void {
    this.#finished = true;
    this.#flush();
  }

  #flush(): void {
    const maxFrame = this.#agent.extension?.maxFrame ?? 2048;
    for (let piece = this.#waiting[0]; piece && this.#credit > 0; piece = this.#waiting[0]) {
      const count = Math.min(piece.length, maxFrame, this.#credit);
      this.#credit -= count;
      this.#agent.data(this.#channel, piece.subarray(0, count));
      if (count === piece.length) this.#waiting.shift();
      else this.#waiting[0] = piece.subarray(count);
    }
    if (this.#waiting.length === 0) this.socket.resume();
    else this.socket.pause();
    if (this.#finished && this.#waiting.length === 0) {
      this.#finished = false;
      this.#agent.close(this.#channel);
    }
    if (this.#waiting.length === 0) this.#sent?.();
  }
}
