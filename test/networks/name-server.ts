import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';

/**
 * One answer for every name (RFC 1035): the address in a file, or none of this family, which may be kept for an hour.
 * Prints the name of each question for an IPv4 address, before the answer goes out.
 */
const program = `
const { createSocket } = require('node:dgram');
const { readFileSync } = require('node:fs');
const [, address, file] = process.argv;
const server = createSocket('udp4', (query, peer) => {
  const labels = [];
  let at = 12;
  for (; query[at] > 0; at += query[at] + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
  const isA = query.readUInt16BE(at + 1) === 1;
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8580, 2);
  [1, isA ? 1 : 0, 0, 0].forEach((count, index) => head.writeUInt16BE(count, 4 + 2 * index));
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, ...readFileSync(file, 'utf8').split('.').map(Number)];
  if (isA) console.log(labels.join('.'));
  server.send(Buffer.concat([head, query.subarray(12, at + 5), Buffer.from(isA ? record : [])]), peer.port, peer.address);
});
server.bind(53, address);
`;

/** A name server whose answer changes, and which tells how often it is asked. */
export class NameServer {
  /** How often it was asked. */
  asked = 0;
  readonly #child: ChildProcess;
  readonly #file: string;

  /** `place`: words before a command that run it there; `file`: where it may keep its answer. */
  constructor(place: readonly string[], address: string, file: string, answer: string) {
    this.#file = file;
    this.answer(answer);
    const [command = '', ...words] = [...place, process.execPath, '-e', program, address, file];
    this.#child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.asked += text.trim().split('\n').length;
    });
  }

  answer(address: string): void {
    writeFileSync(this.#file, address);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill();
    await once(this.#child, 'exit');
  }
}
