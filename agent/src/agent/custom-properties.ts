import { type Property, printable, utf8Decode } from 'rm-protocol';
import { argvOf } from '../config/argv.ts';
import type { Configuration, PropertyValue } from '../config/configuration.ts';
import type { Limits } from '../config/limits.ts';
import type { Cancellable, Host } from '../host.ts';

type CommandValue = Extract<PropertyValue, { command: unknown }>;

/**
 * Gives the value of a property within `timeoutMs`; `done` is called at most once, never from within the call nor after
 * `cancel`.
 */
export type PropertySource = (
  timeoutMs: number,
  done: (result: { readonly value: string } | { readonly error: string }) => void,
) => Cancellable;

/**
 * The custom properties: the values of the configuration and what commands print. They are read for each upgrade, and
 * while the tunnel is up at the interval of the configuration. A command that fails leaves the value of the last time.
 */
export class CustomProperties {
  readonly #host: Host;
  readonly #device: Configuration['device'];
  readonly #limits: Limits;
  readonly #failed: (what: string) => void;
  readonly #values = new Map<string, string>();
  /** The last failure of each property's command, so that it is logged once. */
  readonly #failures = new Map<string, string>();
  readonly #sources: ReadonlyMap<string, PropertySource>;
  #update: Cancellable | null = null;
  /** Gets them each time they have been read. */
  onRead: (properties: readonly Property[]) => void = () => undefined;

  /** `sources`, by name, stand in the place of the values of the configuration. */
  constructor(
    host: Host,
    device: Configuration['device'],
    limits: Limits,
    failed: (what: string) => void,
    sources: ReadonlyMap<string, PropertySource> = new Map(),
  ) {
    this.#sources = sources;
    this.#host = host;
    this.#device = device;
    this.#limits = limits;
    this.#failed = failed;
  }

  /**
   * All of them as they are now: commands are run one after the other, so that a small device is not loaded with all of
   * them at once. `done` is called once, never from within this call.
   */
  read(done: (properties: readonly Property[]) => void): Cancellable {
    const { clock } = this.#host;
    const { commandsMs, propertiesLength } = this.#limits;
    const entries = Object.entries(this.#device.properties);
    const properties: Property[] = [];
    const end = clock.now() + commandsMs;
    let room = propertiesLength;
    let running: Cancellable;
    const add = (name: string, value: string | undefined) => {
      if (value === undefined) return;
      const length = name.length + value.length;
      if (length > room) this.#fail(name, `left out: all together are longer than ${propertiesLength}`);
      else {
        room -= length;
        this.#values.set(name, value);
        properties.push({ name, value });
      }
    };
    const next = (index: number): void => {
      const entry = entries[index];
      if (!entry) {
        this.onRead(properties);
        done(properties);
        return;
      }
      const [name, value] = entry;
      const proceed = (text: string | undefined) => {
        add(name, text ?? this.#values.get(name));
        next(index + 1);
      };
      if (typeof value !== 'object' && !this.#sources.has(name)) proceed(String(value));
      else running = this.#run(name, value, end - clock.now(), proceed);
    };
    running = clock.schedule(0, () => next(0));
    return { cancel: () => running.cancel() };
  }

  /** From now on hands what has changed to `send`, at the interval of the configuration, until `stop`. */
  watch(send: (changed: readonly Property[]) => void): void {
    const { propertiesInterval } = this.#device;
    if (propertiesInterval === 0) return;
    this.#update = this.#host.clock.schedule(propertiesInterval * 1000, () => {
      const before = new Map(this.#values);
      this.#update = this.read((properties) => {
        const changed = properties.filter(({ name, value }) => before.get(name) !== value);
        if (changed.length > 0) send(changed);
        this.watch(send);
      });
    });
  }

  stop(): void {
    this.#update?.cancel();
    this.#update = null;
  }

  /** Asks the source, or runs the command; `done` gets the first line of what it printed, or undefined when it failed. */
  #run(
    name: string,
    value: PropertyValue,
    leftMs: number,
    done: (value: string | undefined) => void,
  ): Cancellable {
    const { commandMs, commandBytes, commandErrorBytes, commandsMs } = this.#limits;
    if (leftMs <= 0) {
      this.#fail(name, `not run: the commands before it took ${commandsMs / 1000} s`);
      return this.#host.clock.schedule(0, () => done(undefined));
    }
    const timeoutMs = Math.min(commandMs, leftMs);
    const source = this.#sources.get(name);
    if (source) {
      return source(timeoutMs, (result) => {
        if ('error' in result) this.#fail(name, result.error);
        else this.#failures.delete(name);
        done('error' in result ? undefined : result.value);
      });
    }
    const argv = argvOf((value as CommandValue).command);
    const options = { timeoutMs, maxOutputBytes: commandBytes, maxErrorBytes: commandErrorBytes };
    return this.#host.processes.run(argv, options, ({ status, output, errorOutput, timedOut, error }) => {
      if (status === 0 && !timedOut) {
        this.#failures.delete(name);
        done((utf8Decode(output).split('\n')[0] ?? '').trim());
        return;
      }
      const late = `no end within ${Math.ceil(timeoutMs / 1000)} s`;
      const errorText = printable(utf8Decode(errorOutput)).replace(/\s+/g, ' ').trim();
      const why = error?.message ?? (timedOut ? late : `status ${status}`);
      this.#fail(name, `${argv[0]}: ${why}`, errorText);
      done(undefined);
    });
  }

  /** Logs a failure once, whatever `errorText` the program writes. */
  #fail(name: string, why: string, errorText = ''): void {
    if (this.#failures.get(name) === why) return;
    this.#failures.set(name, why);
    this.#failed(`device.properties.${name}: ${why}${errorText === '' ? '' : `: ${errorText}`}`);
  }
}
