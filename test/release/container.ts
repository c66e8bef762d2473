import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gone } from '../system/end-process.ts';
import { output } from './debian-root.ts';

/** The user of both images. */
const user = 10_001;

/** The parts of runc's configuration (runtime-spec, config.md) that a test changes. */
interface Bundle {
  process: { terminal: boolean; args: string[]; env: string[] };
  mounts: { destination: string; type: string; source: string; options: string[] }[];
  linux: {
    namespaces: { type: string }[];
    resources?: unknown;
    uidMappings?: unknown;
    gidMappings?: unknown;
  };
}

/** A running container of an image of the release, with runc, on the network of this machine. */
export class Container {
  readonly process: ChildProcess;
  readonly #state: string;
  readonly #name: string;
  printed = '';

  private constructor(process: ChildProcess, state: string, name: string) {
    this.process = process;
    this.#state = state;
    this.#name = name;
    for (const stream of [process.stdout, process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.printed += text;
      });
    }
  }

  /**
   * @param archive `….oci.tar`
   * @param work an empty folder; what the container keeps is in `data`
   * @param volume where `data` is inside
   */
  static async start(
    archive: string,
    work: string,
    volume: string,
    environment: Readonly<Record<string, string>>,
    files: Readonly<Record<string, string>> = {},
  ): Promise<Container> {
    const version = /-(\d+\.\d+\.\d+[^-]*)\.oci\.tar$/.exec(archive)?.[1] ?? '';
    const layout = `oci:${join(work, 'image')}:image`;
    await output('skopeo', 'copy', '--quiet', `oci-archive:${archive}:${version}`, layout);
    const bundle = join(work, 'bundle');
    await output('umoci', 'unpack', '--image', `${join(work, 'image')}:image`, bundle);
    const data = join(work, 'data');
    mkdirSync(data);
    chownSync(data, user, user);
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(data, name), content, { mode: 0o600 });
      chownSync(join(data, name), user, user);
    }
    const file = join(bundle, 'config.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as Bundle;
    config.process.terminal = false;
    config.process.env.push(...Object.entries(environment).map(([name, value]) => `${name}=${value}`));
    config.mounts = config.mounts.filter(({ destination }) => destination !== volume);
    config.mounts.push({ destination: volume, type: 'bind', source: data, options: ['bind', 'rw'] });
    config.linux.namespaces = config.linux.namespaces.filter(
      ({ type }) => !['network', 'user'].includes(type),
    );
    delete config.linux.resources;
    delete config.linux.uidMappings;
    delete config.linux.gidMappings;
    writeFileSync(file, JSON.stringify(config));
    const state = join(work, 'runc');
    const name = `rm-${process.pid}-${Math.floor(performance.now())}`;
    const child = spawn('runc', ['--root', state, 'run', '--bundle', bundle, name], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new Container(child, state, name);
  }

  /** Resolves with what matches, once it has been printed. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.printed);
      if (found !== null) return found;
      if (this.process.exitCode !== null) throw new Error(`the container ended:\n${this.printed}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  run(...command: readonly string[]): Promise<string> {
    return output('runc', '--root', this.#state, 'exec', this.#name, ...command);
  }

  async stop(): Promise<void> {
    await output('runc', '--root', this.#state, 'kill', this.#name, 'KILL').catch(() => '');
    await gone(this.process);
    await output('runc', '--root', this.#state, 'delete', '--force', this.#name).catch(() => '');
  }
}
