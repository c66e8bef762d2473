import { AgentCore } from '../../agent.ts';
import { configure } from '../../config/load.ts';
import type { AgentEvents } from '../../events.ts';
import { type Log, openLog } from '../../log/log.ts';
import type { AgentStatus } from '../../status/status.ts';
import type { Dial } from '../../tunnel/service.ts';
import { dialHandler, type ServiceHandler } from './handler-service.ts';
import { nodeHost } from './node-host.ts';

export type { AgentEvents } from '../../events.ts';
export type { Log } from '../../log/log.ts';
export type { AgentState, AgentStatus } from '../../status/status.ts';
export type { ServiceHandler } from './handler-service.ts';

type ServiceKind = 'http' | 'https' | 'ssh' | 'vnc' | 'rdp' | 'vpn' | 'app' | 'tcp';
type Secret = string | { readonly file: string } | { readonly env: string };
type PropertyValue =
  | string
  | number
  | boolean
  | { readonly command: string | readonly [string, ...string[]] };

/** The configuration of `/etc/rm-agent.json` (`docs/configuration.md`), with handlers in the place of TCP services. */
export interface AgentConfiguration {
  /** `http:` or `https:` URI of the reflector. */
  readonly reflector: string;
  readonly upgrade?: { readonly method?: 'GET' | 'POST' };
  readonly device: {
    readonly id: string;
    readonly domain: string;
    readonly password?: Secret;
    readonly auth?: 'basic' | 'digest';
    readonly name?: string;
    readonly version?: string;
    readonly tenant?: string;
    readonly properties?: Readonly<Record<string, PropertyValue>>;
    /** Seconds between updates of properties; 0 sends them once. */
    readonly propertiesInterval?: number;
  };
  /** Where services are that have no target and no handler of their own. */
  readonly target?: string;
  readonly services: readonly AgentService[];
  readonly tls?: {
    readonly ca?: string | null;
    readonly cert?: string | null;
    readonly key?: string | null;
    readonly pins?: readonly string[];
    readonly pinMode?: 'add' | 'replace';
    readonly minVersion?: '1.2' | '1.3';
    readonly verify?: boolean;
    readonly clock?: 'build' | 'system';
  };
  readonly proxy?: string | null;
  /** Seconds. */
  readonly timeouts?: { readonly connect?: number; readonly local?: number; readonly keepAlive?: number };
  /** Seconds. */
  readonly reconnect?: { readonly min?: number; readonly max?: number; readonly refusedMax?: number | null };
  readonly limits?: {
    readonly windowBytes?: number;
    readonly frameBytes?: number;
    readonly channels?: number;
    readonly totalBytes?: number;
  };
}

export interface AgentService {
  readonly port: number;
  readonly kind?: ServiceKind;
  readonly path?: string;
  readonly name?: string;
  readonly target?: string;
  /** Serves the port inside this process; nothing listens for it. */
  readonly handler?: ServiceHandler;
}

export interface AgentOptions {
  /** Where log lines go; nowhere by default. */
  readonly log?: Log;
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
    // What is undefined is absent, as in a file.
    const loaded = configure(nodeHost, JSON.parse(JSON.stringify({ ...configuration, services })));
    if ('errors' in loaded) throw new ConfigurationError(loaded.errors);
    const log = options.log ?? silent;
    for (const warning of loaded.warnings) log.warning(warning);
    this.#core = new AgentCore(nodeHost, loaded.ok, log, handlers);
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
  return openLog(nodeHost, { level, to: 'stderr' });
}
