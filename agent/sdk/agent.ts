import { nodeHost } from '../node/node-host.ts';
import { decideFirst } from '../src/access/decide-first.ts';
import type { Ask } from '../src/access/gate.ts';
import { AgentCore } from '../src/agent/agent.ts';
import type { AgentStatus } from '../src/agent/status.ts';
import { configure } from '../src/config/load.ts';
import type { Dial } from '../src/dial/dial-service.ts';
import type { Cancellable } from '../src/host.ts';
import { type Log, messageOf } from '../src/log/log.ts';
import { withoutVariables } from '../src/program/child-environment.ts';
import { type AgentConfiguration, ConfigurationError, separate } from './configuration.ts';
import { contained } from './contained.ts';
import { Credentials } from './credentials.ts';
import { type AgentEvents, type EventName, EventQueue, type LostEvents, type NamedEvent } from './events.ts';
import { dialHandler } from './handler-service.ts';
import { type AccessDecision, type AgentOptions, checkOptions } from './options.ts';
import { propertySources } from './property-sources.ts';

type Listener<Name extends EventName> = (event: AgentEvents[Name]) => void;

/**
 * The agent inside an application. Any number of them may run in one process.
 *
 * ```js
 * const agent = new Agent({ reflector, device, services: [{ port: 80, kind: 'http', handler }] });
 * agent.on('disconnected', ({ reason }) => console.log(reason));
 * agent.start();
 * await agent.connected();
 * ```
 */
export class Agent implements AsyncDisposable {
  readonly #core: AgentCore;
  readonly #log: Log;
  readonly #listeners: { [Name in EventName]?: Set<Listener<Name>> } = {};
  readonly #signal: AbortSignal | undefined;

  /** Throws {@link ConfigurationError}. Nothing happens before `start`. */
  constructor(configuration: AgentConfiguration, options: AgentOptions = {}) {
    const separated = separate(configuration);
    const { log, faults } = checkOptions(options);
    if (faults.length > 0) throw new ConfigurationError(faults);
    const { access, admit, signal } = options;
    // There is no control socket, whatever may be asked through it.
    const control = access ? '/run/rm-agent.sock' : null;
    const loaded = configure(nodeHost, { ...separated.json, control });
    if ('errors' in loaded) {
      const here = 'access: mode "consent" needs access.ask, or the function access among the options';
      throw new ConfigurationError(loaded.errors.map((line) => (line.startsWith('control: ') ? here : line)));
    }
    for (const warning of [...separated.warnings, ...loaded.warnings]) log.warning(warning);
    this.#log = log;
    this.#signal = signal;
    const handlers = new Map<number, Dial>();
    for (const [port, handler] of separated.handlers) {
      handlers.set(
        port,
        dialHandler(port, handler, (error) => this.#failed({ error, source: 'handler', port })),
      );
    }
    const credentials = new Credentials(nodeHost.clock, separated.credentials);
    const host = credentials.hostWith(withoutVariables(nodeHost, loaded.hidden));
    const { askTimeout } = loaded.ok.access;
    this.#core = new AgentCore(host, loaded.ok, log, {
      handlers,
      ask: access ? this.#askBy(access) : null,
      admit: admit
        ? decideFirst(nodeHost.clock, askTimeout * 1000, 'the application', (port, channel, decided) =>
            this.#decide(admit, port, channel, decided),
          )
        : null,
      prepare: separated.credentials.size > 0 ? (done) => credentials.read(done) : null,
      propertySources: propertySources(separated.properties),
    });
    signal?.addEventListener('abort', () => void this.stop(), { once: true });
  }

  /** Connects and stays connected; a lost tunnel is dialled again until `stop`. Throws when `options.signal` is aborted. */
  start(): void {
    this.#signal?.throwIfAborted();
    this.#core.start();
  }

  /**
   * Resolves when the tunnel is up, at once if it is. Rejects when the agent is stopped or disabled, and with the reason
   * of `signal`: `await agent.connected(AbortSignal.timeout(30_000))`.
   */
  async connected(signal?: AbortSignal): Promise<AgentStatus> {
    signal?.throwIfAborted();
    for (;;) {
      const { state } = this.status;
      if (state === 'connected') return this.status;
      if (state === 'stopped' || state === 'disabled') throw new Error(`the agent is ${state}`);
      await this.once('state', signal);
    }
  }

  /** Closes the tunnel in order; resolves when nothing is left open. */
  stop(): Promise<void> {
    return new Promise((resolve) => this.#core.stop(resolve));
  }

  /** As `stop`: `await using agent = new Agent(…)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Dials at once if the agent waits for its next attempt. */
  retry(): void {
    this.#core.retry();
  }

  /** Closes the tunnel and stays off line until `start`, which dials at once. */
  disable(): void {
    this.#core.disable();
  }

  /**
   * Answers the questions of consent for one port, or for all; false when none waits. Refusing also ends the sessions
   * that were allowed.
   */
  consent(allow: boolean, port: number | null = null): boolean {
    return this.#core.consent(allow, port);
  }

  get status(): AgentStatus {
    return this.#core.status();
  }

  /** Calls `listener` for each event. What it throws, or rejects with, is an `error` event; the other listeners are called all the same. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): this {
    if (typeof listener !== 'function') throw new TypeError(`on(${name}): the listener is no function`);
    this.#listenersOf(name).add(listener);
    return this;
  }

  off<Name extends EventName>(name: Name, listener: Listener<Name>): this {
    this.#listenersOf(name).delete(listener);
    return this;
  }

  /** The next event of this name; rejects with the reason of `signal` when that is aborted. */
  once<Name extends EventName>(name: Name, signal?: AbortSignal): Promise<AgentEvents[Name]> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const happened = (event: AgentEvents[Name]) => {
        end();
        resolve(event);
      };
      const aborted = () => {
        end();
        reject(signal?.reason);
      };
      const end = () => {
        this.off(name, happened);
        signal?.removeEventListener('abort', aborted);
      };
      this.on(name, happened);
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  /**
   * The events of these names from now on, for a `for await` loop. It ends by `break`, and with the reason of `signal`
   * when that is aborted. A loop that is too slow misses events, and gets a `lost` in their place.
   */
  events<Name extends EventName>(
    names: readonly Name[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncIterableIterator<NamedEvent<Name> | LostEvents> {
    const ends: (() => void)[] = [];
    const queue = new EventQueue<Name>(() => {
      for (const end of ends) end();
    });
    for (const name of new Set(names)) {
      const listener = (event: AgentEvents[Name]) => queue.push({ type: name, ...event } as NamedEvent<Name>);
      this.on(name, listener);
      ends.push(() => this.off(name, listener));
    }
    const aborted = () => queue.abort(signal?.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    ends.push(() => signal?.removeEventListener('abort', aborted));
    if (signal?.aborted) aborted();
    return queue;
  }

  // ---- inside ----

  #listenersOf<Name extends EventName>(name: Name): Set<Listener<Name>> {
    const all: { [Key in Name]?: Set<Listener<Key>> } = this.#listeners;
    const known = all[name];
    if (known) return known;
    const made = new Set<Listener<Name>>();
    all[name] = made;
    // The core makes frequent events for listeners only.
    if (name !== 'error') {
      const own = name as Exclude<EventName, 'error'>;
      this.#core.on(own, (event) => this.#emit(own, event));
    }
    return made;
  }

  #emit<Name extends EventName>(name: Name, event: AgentEvents[Name]): void {
    const failed = (error: unknown) => {
      if (name === 'error') this.#log.error(`a listener of "error" has failed: ${messageOf(error)}`);
      else this.#failed({ error, source: 'listener', port: null });
    };
    for (const listener of [...this.#listenersOf(name)]) contained(() => listener(event), failed);
  }

  #failed(failure: AgentEvents['error']): void {
    const { error, source, port } = failure;
    if (this.#listenersOf('error').size > 0) this.#emit('error', failure);
    else this.#log.error(`${source}${port === null ? '' : ` of port ${port}`}: ${messageOf(error)}`);
  }

  #decide(
    decision: AccessDecision,
    port: number,
    channel: number,
    decided: (allowed: boolean) => void,
  ): Cancellable {
    const controller = new AbortController();
    const { signal } = controller;
    void Promise.resolve()
      .then(() => decision({ port, channel, signal }))
      .catch((error: unknown) => {
        if (!signal.aborted) this.#failed({ error, source: 'access', port });
        return false;
      })
      .then((allowed) => {
        if (!signal.aborted) decided(allowed === true);
      });
    return { cancel: () => controller.abort() };
  }

  #askBy(access: AccessDecision): Ask {
    return ({ port, channel }, answer) =>
      this.#decide(access, port, channel, (allowed) => answer(allowed ? 'allowed' : 'refused'));
  }
}
