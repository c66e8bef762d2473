import type { Cancellable, Clock, Host } from '../src/host.ts';
import { ask, type Provider } from './provider.ts';

/** How long a function may take to give a credential, in milliseconds: the attempt to connect waits for it. */
const longestMs = 10_000;

type Functions = ReadonlyMap<string, { readonly path: string; readonly provide: Provider<string> }>;

/**
 * Secrets that functions give. The agent reads secrets from variables of the environment; these are variables that only
 * its host has.
 */
export class Credentials {
  readonly #clock: Clock;
  readonly #functions: Functions;
  readonly #values = new Map<string, string>();

  /** `functions`: by the variable that stands for the secret. */
  constructor(clock: Clock, functions: Functions) {
    this.#clock = clock;
    this.#functions = functions;
    for (const variable of functions.keys()) this.#values.set(variable, '');
  }

  /** The host with the secrets as they were read last. */
  hostWith(host: Host): Host {
    const { system } = host;
    const environment = (name: string) => this.#values.get(name) ?? system.environment(name);
    return { ...host, system: { ...system, environment } };
  }

  /** Reads them all anew, one after the other; `done` gets the first failure, or `null`. */
  read(done: (failure: string | null) => void): Cancellable {
    const rest = [...this.#functions];
    let running: Cancellable = { cancel: () => undefined };
    const next = () => {
      const entry = rest.shift();
      if (!entry) {
        done(null);
        return;
      }
      const [variable, { path, provide }] = entry;
      running = ask(this.#clock, provide, longestMs, (result) => {
        if ('error' in result) done(`${path}: ${result.error}`);
        else if (typeof result.value !== 'string') done(`${path}: the function gave no text`);
        else if (/[\x00-\x1f\x7f]/.test(result.value)) done(`${path}: the function gave control characters`);
        else {
          this.#values.set(variable, result.value);
          next();
        }
      });
    };
    next();
    return { cancel: () => running.cancel() };
  }
}
