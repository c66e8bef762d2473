import { nodeHost } from '../node/node-host.ts';
import type { Ask } from '../src/access/gate.ts';
import { AgentCore } from '../src/agent/agent.ts';
import type { AgentEvents } from '../src/agent/events.ts';
import type { AgentStatus } from '../src/agent/status.ts';
import type { ConfigurationFile } from '../src/config/configuration.ts';
import { configure } from '../src/config/load.ts';
import type { Dial } from '../src/dial/dial-service.ts';
import { type Log, messageOf, openLog } from '../src/log/log.ts';
import { withoutVariables } from '../src/program/child-environment.ts';
import { dialHandler, type ServiceHandler } from './handler-service.ts';

export type { AgentEvents } from '../src/agent/events.ts';
export type { AgentState, AgentStatus } from '../src/agent/status.ts';
export type { Log } from '../src/log/log.ts';
export type { ServiceHandler } from './handler-service.ts';

/** Keys of the file that only the program heeds. */
type OfProgram = '$schema' | 'control' | 'stateFile' | 'notify' | 'log' | 'start';

/**
 * The configuration of `/etc/rm-agent.json` (`docs/configuration.md`), with handlers in the place of TCP services. A
 * quantity is a number of the unit that the reference names, or text with a unit: `"30s"`, `"64KiB"`.
 */
export interface AgentConfiguration extends Omit<ConfigurationFile, OfProgram | 'services'> {
  readonly services: readonly AgentService[];
}

/** A proxy with its password apart from its URI. */
export type ProxyServer = Extract<NonNullable<AgentConfiguration['proxy']>, { readonly uri: string }>;

/** When connections are let in. */
export type AccessRule = NonNullable<AgentConfiguration['access']>;

type ServiceInFile = ConfigurationFile['services'][number];

export interface AgentService extends ServiceInFile {
  /** Serves the port inside this process; nothing listens for it. */
  readonly handler?: ServiceHandler;
}

/** Somebody wants to be let in. */
export interface AccessRequest {
  readonly port: number;
  /** The channel that began it; others may wait for the same answer. */
  readonly channel: number;
  /** Aborted when the answer is not needed any more: it came from elsewhere, or its time is over. */
  readonly signal: AbortSignal;
}

export interface AgentOptions {
  /** Where log lines go; nowhere by default. */
  readonly log?: Log;
  /**
   * Decides with mode `consent`, in the place of a program: true lets in, false refuses, and a promise that is rejected
   * refuses too. `access.askTimeout` is its time limit.
   */
  readonly access?: (request: AccessRequest) => boolean | Promise<boolean>;
}

/** The configuration given to {@link Agent} is wrong; `errors` has a line for each reason. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly errors: readonly string[];

  constructor(errors: readonly string[]) {
    super(errors.join('\n'));
    this.errors = errors;
  }
}

const silent: Log = { error() {}, warning() {}, info() {}, debug() {} };

/**
 * The agent inside an application.
 *
 * ```js
 * const agent = new Agent({ reflector, device, services: [{ port: 80, kind: 'http', handler }] });
 * agent.on('connected', ({ reflector }) => console.log(`reachable through ${reflector}`));
 * agent.start();
 * ```
 */
export class Agent {
  readonly #core: AgentCore;

  /** Throws {@link ConfigurationError}. Nothing happens before `start`. */
  constructor(configuration: AgentConfiguration, options: AgentOptions = {}) {
    const handlers = new Map<number, Dial>();
    const services = configuration.services.map(({ handler, ...service }) => {
      if (handler) handlers.set(service.port, dialHandler(service.port, handler));
      return service;
    });
    // What is undefined is absent, as in a file. There is no control socket, whatever may be asked through it.
    const control = options.access ? '/run/rm-agent.sock' : null;
    const loaded = configure(nodeHost, JSON.parse(JSON.stringify({ ...configuration, services, control })));
    if ('errors' in loaded) {
      const here = 'access: mode "consent" needs access.ask, or the function access among the options';
      throw new ConfigurationError(loaded.errors.map((line) => (line.startsWith('control: ') ? here : line)));
    }
    const { log = silent, access } = options;
    for (const warning of loaded.warnings) log.warning(warning);
    const host = withoutVariables(nodeHost, loaded.hidden);
    this.#core = new AgentCore(host, loaded.ok, log, {
      handlers,
      ask: access ? askApplication(access, log) : null,
    });
  }

  /** Connects and stays connected; a lost tunnel is dialled again until `stop`. */
  start(): void {
    this.#core.start();
  }

  /** Closes the tunnel in order; resolves when nothing is left open. */
  stop(): Promise<void> {
    return new Promise((resolve) => this.#core.stop(resolve));
  }

  /** Dials at once if the agent waits for its next attempt. */
  retry(): void {
    this.#core.retry();
  }

  /** Closes the tunnel and stays off line until `start`. */
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

  on<Name extends keyof AgentEvents>(name: Name, listener: (event: AgentEvents[Name]) => void): this {
    this.#core.on(name, listener);
    return this;
  }

  off<Name extends keyof AgentEvents>(name: Name, listener: (event: AgentEvents[Name]) => void): this {
    this.#core.off(name, listener);
    return this;
  }
}

/** A log like that of the program: `<level> <text>` on standard error. */
export function stderrLog(level: 'error' | 'warning' | 'info' | 'debug' = 'info'): Log {
  return openLog(nodeHost, { level, to: 'stderr', priorities: 'auto' });
}

function askApplication(access: NonNullable<AgentOptions['access']>, log: Log): Ask {
  return ({ port, channel }, answer) => {
    const controller = new AbortController();
    Promise.resolve()
      .then(() => access({ port, channel, signal: controller.signal }))
      .catch((error: unknown) => {
        if (!controller.signal.aborted) log.error(`access: ${messageOf(error)}`);
        return false;
      })
      .then((allowed) => {
        if (!controller.signal.aborted) answer(allowed === true ? 'allowed' : 'refused');
      });
    return { cancel: () => controller.abort() };
  };
}
