import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from '../checkout.ts';
import { endProcess } from './end-process.ts';

/** The demo device of `examples/demo-device`, as a process of its own. */
export class DemoDevice {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  static async start(): Promise<DemoDevice> {
    const program = join(root, 'examples/demo-device/dist/main.js');
    const child = spawn(process.execPath, [program, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return new DemoDevice(Number(/:(\d+)\/$/m.exec(line.toString().trim())?.[1]), child);
  }

  async stop(): Promise<void> {
    await endProcess(this.#child);
  }
}
