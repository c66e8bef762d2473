import { argvOf } from '../config/argv.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Host } from '../host.ts';
import type { Log } from '../log/log.ts';
import type { Admit } from '../tunnel/forwarded-port.ts';
import { type Answer, type Ask, Gate, type GateEvents, type Question, type Waiting } from './gate.ts';

type AccessRule = Configuration['access'];

/** What an application or `rm-agent status` learns of consent. */
export interface AccessStatus {
  /** Questions that wait for `rm-agent consent`. */
  readonly waiting: readonly (Waiting & { readonly name: string | null })[];
  /** Allowed sessions in progress. */
  readonly sessions: number;
}

/** The gates of the configuration: one for `access`, and one for each service that has a rule of its own. */
export class AccessControl {
  readonly #gates = new Map<number, Gate>();
  readonly #names: ReadonlyMap<number, string | null>;
  readonly #all: readonly Gate[];

  /** `ask` replaces the programs of the configuration. */
  constructor(
    host: Host,
    { access, services }: Configuration,
    log: Log,
    notBefore: number,
    ask: Ask | null,
    events: GateEvents,
  ) {
    this.#names = new Map(services.map(({ port, name }) => [port, name]));
    const make = (rule: AccessRule) =>
      rule.mode === 'always'
        ? null
        : new Gate(host.clock, rule, notBefore, ask ?? askProgram(host, rule, this.#names, log), events);
    const common = make(access);
    for (const { port, access: own } of services) {
      const gate = own ? make(own) : common;
      if (gate) this.#gates.set(port, gate);
    }
    this.#all = [...new Set(this.#gates.values())];
  }

  /** The check to run before a channel to this port is opened; undefined: none is needed. */
  admitTo(port: number): Admit | undefined {
    const gate = this.#gates.get(port);
    return gate && ((channel, decided) => gate.admit(port, channel, decided));
  }

  released(port: number, channel: number): void {
    this.#gates.get(port)?.released(channel);
  }

  /**
   * The person's decision, for the rule of one port or for all; false when nothing waited for it. A refusal also ends the
   * sessions in progress.
   */
  answer(allow: boolean, port: number | null): boolean {
    const gate = port === null ? undefined : this.#gates.get(port);
    const asked = port === null ? this.#all : gate ? [gate] : [];
    return asked.map((one) => one.answer(allow)).includes(true);
  }

  get status(): AccessStatus {
    return {
      waiting: this.#all.flatMap(({ waiting }) =>
        waiting ? { ...waiting, name: this.#names.get(waiting.port) ?? null } : [],
      ),
      sessions: this.#all.filter(({ inSession }) => inSession).length,
    };
  }

  reset(): void {
    for (const gate of this.#all) gate.reset();
  }
}

/** Asks by the program of the rule; without one only `rm-agent consent` can answer. */
function askProgram(
  host: Host,
  { ask }: AccessRule,
  names: ReadonlyMap<number, string | null>,
  log: Log,
): Ask {
  return ({ port, channel, timeoutMs }: Question, answer) => {
    if (ask === null) return { cancel: () => undefined };
    const argv = argvOf(ask);
    const environment = {
      RM_PORT: String(port),
      RM_SERVICE: names.get(port) ?? '',
      RM_CHANNEL: String(channel),
      RM_TIMEOUT: String(timeoutMs / 1000),
    };
    return host.processes.run(
      argv,
      { timeoutMs, maxOutputBytes: 0, environment },
      ({ status, timedOut, error }) => {
        // A program that cannot be started has refused nothing: `rm-agent consent` still may.
        if (error)
          log.error(`access: ${argv[0]}: ${error.message}; "rm-agent consent" can answer in its place`);
        else answer(answerOf(status, timedOut));
      },
    );
  };
}

function answerOf(status: number | null, timedOut: boolean): Answer {
  if (timedOut) return 'unanswered';
  return status === 0 ? 'allowed' : 'refused';
}
