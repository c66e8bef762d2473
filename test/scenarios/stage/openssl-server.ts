import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Certificate } from '../../certificates/authority.ts';
import { within } from './wait.ts';

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * `openssl s_server`: a TLS server whose code has nothing in common with the agent's. It prints what arrives in plain
 * text, and a reflector's answer to an upgrade is written to its standard input.
 */
export class OpensslServer {
  readonly #process: ChildProcessWithoutNullStreams;
  /** What it printed: its own remarks and what came through TLS. */
  #output = '';
  #look: () => void = () => {};

  private constructor(args: readonly string[]) {
    this.#process = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', ...args]);
    const read = (text: string) => {
      this.#output += text;
      this.#look();
    };
    this.#process.stdout.setEncoding('utf8').on('data', read);
    this.#process.stderr.setEncoding('utf8').on('data', read);
    this.#process.stdin.on('error', () => {});
  }

  static async start(certificate: Certificate, args: readonly string[]): Promise<OpensslServer> {
    const server = new OpensslServer(['-cert', certificate.certFile, '-key', certificate.keyFile, ...args]);
    await server.printed(/ACCEPT 127\.0\.0\.1:\d+/);
    return server;
  }

  get port(): number {
    return Number(/ACCEPT 127\.0\.0\.1:(\d+)/.exec(this.#output)?.[1]);
  }

  /** Waits until it has printed this. */
  printed(pattern: RegExp): Promise<string> {
    const arrival = new Promise<string>((resolve) => {
      this.#look = () => {
        const found = pattern.exec(this.#output);
        if (found) resolve(found[1] ?? found[0]);
      };
      this.#look();
    });
    return within(arrival, `openssl s_server to print ${pattern}`, () => `; it printed:\n${this.#output}`);
  }

  /** Answers the upgrade request as a reflector does. */
  async accept(): Promise<void> {
    const key = await this.printed(/Sec-WebSocket-Key: *(\S+)[\s\S]*?\r?\n\r?\n/i);
    const lines = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${createHash('sha1')
        .update(key + GUID)
        .digest('base64')}`,
      'Sec-WebSocket-Protocol: com.appinf.webtunnel.server/1.0',
    ];
    this.#process.stdin.write(`${lines.join('\r\n')}\r\n\r\n`);
  }

  stop(): void {
    this.#process.kill('SIGKILL');
  }
}
