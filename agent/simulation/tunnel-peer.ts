import {
  CLOSE_REPLACED,
  closePayload,
  encodeBare,
  encodeCredit,
  encodeData,
  encodeWord,
  FrameDecoder,
  Opcode,
  utf8Decode,
  WebSocketOpcode,
} from 'rm-protocol';
import { Collected } from '../../protocol/src/testing/bytes.ts';
import type { SimulatedSocket } from './socket.ts';
import { ClientFrames, serverFrame } from './websocket-server.ts';

/** What the reflector's side has seen of one channel. */
export interface SeenChannel {
  readonly data: Collected;
  /** Payload bytes that the agent was granted beyond its first window. */
  credit: number;
}

/** The reflector's side of one tunnel, behind the upgrade: sends frames and notes what the agent sends. */
export class TunnelPeer {
  readonly socket: SimulatedSocket;
  /** All frames of the agent but data, in order: `confirm 1`, `fault 1 3`, `ping`, `wsclose 1000`. */
  readonly seen: string[] = [];
  readonly channels = new Map<number, SeenChannel>();
  readonly frames: ClientFrames;
  /** Payload lengths of data frames. */
  readonly lengths: number[] = [];
  /** Called for each data frame. */
  onData: (channel: number, bytes: Uint8Array) => void = () => undefined;
  /** Called for each grant. */
  onCredit: (channel: number, increment: number) => void = () => undefined;
  answersPings = true;
  /** What the agent's last close frame says. */
  closeReason = '';
  ended = false;

  constructor(socket: SimulatedSocket) {
    this.socket = socket;
    const note = (name: string) => (channel: number, value?: number) => {
      this.seen.push(value === undefined ? `${name} ${channel}` : `${name} ${channel} ${value}`);
    };
    const decoder = new FrameDecoder(
      {
        data: (number, bytes, start, end) => {
          const channel = this.channel(number);
          const piece = new Uint8Array(bytes.subarray(start, end));
          channel.data.add(piece);
          this.lengths.push(piece.length);
          this.onData(number, piece);
        },
        openRequest: note('open'),
        openConfirm: note('confirm'),
        openFault: note('fault'),
        close: note('close'),
        error: note('error'),
        credit: (number, increment) => {
          this.channel(number).credit += increment;
          this.seen.push(`credit ${number} ${increment}`);
          this.onCredit(number, increment);
        },
        properties: (list) => this.seen.push(`properties ${JSON.stringify(list)}`),
        violation: (channel, what) => this.seen.push(`violation ${channel} ${what}`),
      },
      { frameBytes: 1 << 24, propertiesBytes: 1 << 20 },
    );
    this.frames = new ClientFrames((opcode, payload) => {
      if (opcode === WebSocketOpcode.binary) decoder.message(payload);
      else if (opcode === WebSocketOpcode.ping) this.#pinged(payload);
      else if (opcode === WebSocketOpcode.pong) this.seen.push('pong');
      else if (opcode === WebSocketOpcode.close) {
        this.seen.push(`wsclose ${((payload[0] ?? 0) << 8) | (payload[1] ?? 0)}`);
        this.closeReason = utf8Decode(payload, 2, payload.length);
      } else throw new Error(`client opcode ${opcode}`);
    });
  }

  channel(number: number): SeenChannel {
    let channel = this.channels.get(number);
    if (!channel) {
      channel = { data: new Collected(), credit: 0 };
      this.channels.set(number, channel);
    }
    return channel;
  }

  /** What the agent has sent but data, since this was asked last. */
  take(): string[] {
    return this.seen.splice(0);
  }

  raw(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  frame(bytes: Uint8Array): void {
    this.raw(serverFrame(WebSocketOpcode.binary, bytes));
  }

  open(channel: number, port: number): void {
    this.frame(encodeWord(Opcode.openRequest, channel, port));
  }

  data(channel: number, bytes: Uint8Array): void {
    this.frame(encodeData(channel, bytes));
  }

  close(channel: number): void {
    this.frame(encodeBare(Opcode.close, channel));
  }

  error(channel: number, error: number): void {
    this.frame(encodeWord(Opcode.error, channel, error));
  }

  grant(channel: number, increment: number): void {
    this.frame(encodeCredit(channel, increment));
  }

  ping(): void {
    this.raw(serverFrame(WebSocketOpcode.ping));
  }

  closeTunnel(code = 1001): void {
    this.raw(serverFrame(WebSocketOpcode.close, closePayload(code)));
  }

  replace(): void {
    this.closeTunnel(CLOSE_REPLACED);
  }

  #pinged(payload: Uint8Array): void {
    this.seen.push('ping');
    if (this.answersPings) this.raw(serverFrame(WebSocketOpcode.pong, payload));
  }
}
