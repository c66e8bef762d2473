import { type Credentials, Socks5Client } from 'rm-protocol';
import type { HandshakeStep, ProxyHandshake } from './proxy-handshake.ts';

/** A SOCKS5 handshake in the terms of an attempt. */
export class SocksConnect implements ProxyHandshake {
  readonly #client: Socks5Client;
  readonly #destination: string;

  constructor(host: string, port: number, credentials: Credentials | null) {
    this.#client = new Socks5Client(host, port, credentials);
    this.#destination = `${host} port ${port}`;
  }

  start(): Uint8Array {
    return this.#client.greeting();
  }

  receive(bytes: Uint8Array, start: number, end: number): HandshakeStep | null {
    const step = this.#client.receive(bytes, start, end);
    if (!step || 'send' in step) return step;
    if ('connected' in step) return { passed: `connected to ${this.#destination}` };
    const { failed, blame } = step;
    if (blame === 'login') return { failed: `refused us: ${failed}`, kind: 'refusal', scope: 'proxy' };
    const kind = blame === 'rules' ? 'refusal' : 'fault';
    return { failed: `cannot connect to ${this.#destination}: ${failed}`, kind, scope: 'destination' };
  }
}
