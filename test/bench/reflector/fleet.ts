import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { root } from '../../checkout.ts';
import type { FleetFacts, FleetPart } from './light-device.ts';

/** Devices in one process: below what a process may open, whatever `ulimit -n` says. */
const perProcess = 2_500;

const program = join(root, 'test/dist/bench/reflector/fleet-process.js');

/** Idle devices on one reflector, in processes of their own. */
export class Fleet {
  readonly size: number;
  readonly #parts: ChildProcess[] = [];
  readonly #up: number[] = [];
  readonly #changes = new EventEmitter();

  /** `first`: number of the first device. `place`: words before a command that run it where the devices are. */
  constructor(facts: FleetFacts, size: number, first = 0, place: readonly string[] = []) {
    this.size = size;
    this.#changes.setMaxListeners(0);
    for (let from = 0; from < size; from += perProcess) {
      const [command = '', ...words] = [...place, process.execPath, program];
      const part = spawn(command, words, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
      const index = this.#parts.push(part) - 1;
      this.#up[index] = 0;
      part.on('message', (up: number) => {
        this.#up[index] = up;
        this.#changes.emit('change');
      });
      part.send({ facts, from: first + from, count: Math.min(perProcess, size - from) } satisfies FleetPart);
    }
  }

  get up(): number {
    return this.#up.reduce((sum, up) => sum + up, 0);
  }

  /** Resolves when so many tunnels are up. */
  async has(count: number): Promise<void> {
    while (this.up !== count) await once(this.#changes, 'change');
  }

  /** Resolves when at least so many tunnels are up. */
  async atLeast(count: number): Promise<void> {
    while (this.up < count) await once(this.#changes, 'change');
  }

  /** Resolves when at most so many tunnels are up. */
  async atMost(count: number): Promise<void> {
    while (this.up > count) await once(this.#changes, 'change');
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#parts.map(async (part) => {
        if (part.exitCode !== null) return;
        part.disconnect();
        await once(part, 'exit');
      }),
    );
  }
}
