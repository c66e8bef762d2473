import { Random } from '../../protocol/src/testing/random.ts';
import { crypto } from '../node/crypto.ts';
import { failure } from '../node/errors.ts';
import type {
  Cancellable,
  Files,
  Host,
  HostError,
  Processes,
  RunResult,
  Severity,
  SignalName,
  System,
} from '../src/host.ts';
import { SimulatedClock } from './clock.ts';
import { SimulatedNetwork } from './network.ts';

/** Files in memory. */
export class SimulatedFiles implements Files {
  readonly content = new Map<string, Uint8Array>();
  /** Directories that are there although they are empty. */
  readonly directories = new Set(['/', '/run', '/var/lib', '/var/log']);
  /** FIFOs that nobody writes to: who reads one waits for ever. */
  readonly fifos = new Set<string>();
  /** On a file system that is mounted read-only. */
  readOnly = false;
  /** Whatever is done fails, as on a disk that is full. */
  full = false;
  /** Those who want to know of changes, by directory. */
  readonly #watchers = new Map<() => void, string>();
  readonly #defer: (run: () => void) => void;

  constructor(defer: (run: () => void) => void = () => undefined) {
    this.#defer = defer;
  }

  read(path: string, maxBytes: number): Uint8Array {
    if (this.fifos.has(path)) throw new Error(`reading ${path} would never end`);
    const bytes = this.content.get(path);
    if (!bytes) throw failure('not-found', 'no such file');
    if (bytes.length > maxBytes) throw failure('too-large', `larger than ${maxBytes} bytes`);
    return bytes;
  }

  writeAtomically(path: string, bytes: Uint8Array): void {
    this.#demandRoom();
    this.content.set(path, bytes.slice());
    this.#touched(path);
  }

  append(path: string, bytes: Uint8Array): number {
    this.#demandRoom();
    const before = this.content.get(path) ?? new Uint8Array();
    const joined = new Uint8Array(before.length + bytes.length);
    joined.set(before);
    joined.set(bytes, before.length);
    this.content.set(path, joined);
    return joined.length;
  }

  rename(from: string, to: string): void {
    this.content.set(to, this.read(from, Number.MAX_SAFE_INTEGER));
    this.content.delete(from);
  }

  remove(path: string): void {
    this.content.delete(path);
    this.#touched(path);
  }

  watch(path: string, changed: () => void, failed: (error: HostError) => void): Cancellable {
    if (this.stat(path)?.kind !== 'directory')
      this.#defer(() => failed({ code: 'not-found', message: 'no such file' }));
    this.#watchers.set(changed, path);
    return { cancel: () => void this.#watchers.delete(changed) };
  }

  /** How many watch a directory. */
  get watchers(): number {
    return this.#watchers.size;
  }

  list(path: string): string[] {
    const names = [...this.content.keys(), ...this.fifos].filter((name) => name.startsWith(`${path}/`));
    return names.map((name) => name.slice(path.length + 1)).sort();
  }

  stat(path: string) {
    const bytes = this.content.get(path);
    const id = `1:${path}`;
    const writable = !this.readOnly;
    if (bytes) return { kind: 'file' as const, size: bytes.length, mode: 0o600, id, writable };
    if (this.fifos.has(path)) return { kind: 'other' as const, size: 0, mode: 0o600, id, writable };
    return this.directories.has(path) || this.list(path).length > 0
      ? { kind: 'directory' as const, size: 0, mode: 0o700, id, writable }
      : null;
  }

  pathIn(root: string, path: string): string {
    return root + path;
  }

  #touched(path: string): void {
    for (const [changed, directory] of this.#watchers)
      if (path.startsWith(`${directory}/`)) this.#defer(() => this.#watchers.has(changed) && changed());
  }

  #demandRoom(): void {
    if (this.full) throw failure('no-resources', 'no space left');
  }
}

type RunOptions = Parameters<Processes['run']>[1];

/** What a program does: it ends with this result, or runs until its time limit. */
export type Program = Partial<RunResult> | 'silent';

/** Programs whose results are given by name. */
export class SimulatedProcesses implements Processes {
  readonly results = new Map<string, Program | ((options: RunOptions) => Program)>();
  /** All that was run, in order. */
  readonly runs: { readonly command: string; readonly options: RunOptions }[] = [];
  running = 0;
  readonly #clock: SimulatedClock;

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  run(command: readonly [string, ...string[]], options: RunOptions, done: (result: RunResult) => void) {
    let open = true;
    const close = () => {
      if (open) this.running--;
      open = false;
    };
    this.running++;
    this.runs.push({ command: command.join(' '), options });
    const found = this.results.get(command.join(' '));
    const given = (typeof found === 'function' ? found(options) : found) ?? {
      status: null,
      error: { code: 'not-found' as const, message: 'no such file' },
    };
    const silent = given === 'silent';
    const result = silent ? { status: 137, timedOut: true } : given;
    const output = (result.output ?? new Uint8Array()).slice(0, options.maxOutputBytes);
    this.#clock.defer(silent ? options.timeoutMs : 1, () => {
      if (!open) return;
      close();
      const errorOutput = (result.errorOutput ?? new Uint8Array()).slice(0, options.maxErrorBytes ?? 0);
      done({ status: 0, timedOut: false, error: null, ...result, output, errorOutput });
    });
    return { cancel: close };
  }
}

export class SimulatedSystem implements System {
  arguments: readonly string[] = [];
  readonly variables = new Map<string, string>();
  readonly signals = new Map<SignalName, () => void>();
  /** What went to standard output and standard error. */
  printed: [string, string, string] = ['', '', ''];
  readonly logged: [Severity, string][] = [];
  exitStatus: number | null = null;

  environment = (name: string) => this.variables.get(name);
  hostName = () => 'board';
  nodeId = () => '0123456789ab';
  platform = () => 'Linux/6.1.0; mips';
  readonly build = 'target   simulation\ncommit   unknown';
  onSignal = (signal: SignalName, run: () => void) => void this.signals.set(signal, run);
  print = (stream: 1 | 2, text: string) => {
    this.printed[stream] += text;
  };
  syslog = (severity: Severity, text: string) => void this.logged.push([severity, text]);
  /** What the service manager was told. */
  readonly notified: string[] = [];
  notify = (state: string) => void this.notified.push(state);
  residentMemory = () => 1_048_576;
  memoryLimit = 0;
  limitMemory = (bytes: number) => {
    this.memoryLimit = bytes;
  };
  exit = (status: number) => {
    this.exitStatus ??= status;
  };
}

/** The third adapter of `host.ts`: a machine of which everything is given by the test. */
export class SimulatedHost implements Host {
  readonly random: Random;
  readonly clock = new SimulatedClock();
  readonly network: SimulatedNetwork;
  readonly files = new SimulatedFiles((run) => this.clock.defer(0, run));
  readonly processes = new SimulatedProcesses(this.clock);
  readonly system = new SimulatedSystem();
  readonly crypto;

  constructor(seed = 1) {
    this.random = new Random(seed);
    this.network = new SimulatedNetwork(this.clock, this.random);
    this.crypto = { ...crypto, random: (bytes: Uint8Array) => this.random.fill(bytes) };
  }

  /** What the agent holds of the machine: nothing, when it is stopped. */
  get handles(): { sockets: number; lookUps: number; timers: number; processes: number } {
    return {
      sockets: this.network.sockets.size,
      lookUps: this.network.lookUps,
      timers: this.clock.pending,
      processes: this.processes.running,
    };
  }
}

export const noHandles = { sockets: 0, lookUps: 0, timers: 0, processes: 0 };
