import type { RequestHead } from 'rm-protocol';
import { type ProxyServer, parseProxy } from '../src/dial/proxy-server.ts';
import { AttemptStage } from './attempt-stage.ts';
import { type Answer, SimulatedReflector } from './reflector.ts';

/** The proxy that this text stands for. */
export function proxyOf(text: string): ProxyServer {
  const proxy = parseProxy(text);
  if (!proxy) throw new Error(text);
  return proxy;
}

export const PROXY_ADDRESS = '203.0.113.1';
export const CONNECTED = 'HTTP/1.1 200 Connected\r\n\r\n';

/** A network on which an HTTP proxy, `p.example`, leads to any reflector; it plays those itself. */
export class Proxied extends AttemptStage {
  readonly proxy: SimulatedReflector;
  readonly asked: RequestHead[] = [];

  /** `answer` is to CONNECT. */
  constructor(answer: Answer | ((request: RequestHead) => Answer) = CONNECTED, port = 3128) {
    super();
    const { network } = this.host;
    network.names.set('p.example', [PROXY_ADDRESS]);
    this.proxy = new SimulatedReflector(network, PROXY_ADDRESS, port, (options) => {
      this.tlsAsked.push(options);
      return this.tls(options);
    });
    this.proxy.answer = (request) => {
      if (request.method !== 'CONNECT') return 'accept';
      this.asked.push(request);
      return typeof answer === 'function' ? answer(request) : answer;
    };
  }
}
