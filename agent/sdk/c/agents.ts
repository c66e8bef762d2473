import { decideFirst } from '../../src/access/decide-first.ts';
import type { Ask } from '../../src/access/gate.ts';
import { AgentCore } from '../../src/agent/agent.ts';
import type { AgentState } from '../../src/agent/status.ts';
import { configure } from '../../src/config/load.ts';
import type { Dial } from '../../src/dial/dial-service.ts';
import type { Cancellable, Host } from '../../src/host.ts';
import type { Log } from '../../src/log/log.ts';
import { withoutVariables } from '../../src/program/child-environment.ts';
import { Answer, type Callbacks, type Calls } from './callbacks.ts';
import { separate } from './configuration.ts';
import type { Deferred } from './deferred.ts';
import type { Streams } from './streams.ts';

/** The numbers of `rm_agent_state`. */
const states: Readonly<Record<AgentState, number>> = {
  stopped: 0,
  disabled: 1,
  connecting: 2,
  connected: 3,
  waiting: 4,
};

/** The numbers of `rm_agent_event_type`. */
const EventType = { state: 0, connecting: 1, connected: 2, disconnected: 3, channel: 4, access: 5 } as const;

type Decide = (allowed: boolean) => void;

/** The agents of the process. Each has the number that C gave it. */
export class Agents {
  readonly #host: Host;
  readonly #callbacks: Callbacks;
  readonly #deferred: Deferred;
  readonly #streams: Streams;
  readonly #agents = new Map<number, AgentCore>();
  readonly #memory = new Map<number, number>();
  /** Questions that wait for `decide`, by the number that C knows. */
  readonly #questions = new Map<number, Decide>();
  #lastQuestion = 0;

  constructor(host: Host, callbacks: Callbacks, deferred: Deferred, streams: Streams) {
    this.#host = host;
    this.#callbacks = callbacks;
    this.#deferred = deferred;
    this.#streams = streams;
  }

  create(
    agent: number,
    text: string,
    wanted: Parameters<Calls['create']>[2],
    ports: readonly number[],
    severity: number,
  ): string | null {
    const separated = separate(text);
    if ('fault' in separated) return separated.fault;
    const { json, credentials } = separated;
    const host = this.#hostOf(agent, credentials);
    const loaded = configure(host, { ...json, control: wanted.consent ? '/run/rm-agent.sock' : null });
    if ('errors' in loaded) {
      const here = 'access: mode "consent" needs access.ask, or the callback "consent"';
      return loaded.errors.map((line) => (line.startsWith('control: ') ? here : line)).join('\n');
    }
    const { ok, warnings, hidden } = loaded;
    const [path] = credentials.values();
    if (path !== undefined && !wanted.credential) return `${path}: needs the callback "credential"`;
    for (const port of ports) {
      if (!ok.services.some((service) => service.port === port)) {
        return `services: has no port ${port}, which the program serves`;
      }
    }
    const log = this.#logOf(agent, severity);
    for (const line of [...separated.warnings, ...warnings]) log.warning(line);
    const handlers = new Map<number, Dial>(ports.map((port) => [port, this.#streams.dial(agent, port)]));
    const core = new AgentCore(withoutVariables(host, hidden), ok, log, {
      handlers,
      ask: wanted.consent ? this.#askOf(agent) : null,
      admit: wanted.admit
        ? decideFirst(
            this.#host.clock,
            ok.access.askTimeout * 1000,
            'the program',
            (port, channel, decided) => this.#question(agent, port, channel, false, decided),
          )
        : null,
      prepare: credentials.size > 0 ? (done) => this.#readCredentials(agent, credentials, done) : null,
    });
    this.#agents.set(agent, core);
    this.#listen(agent, core);
    return null;
  }

  find(agent: number): AgentCore | undefined {
    return this.#agents.get(agent);
  }

  state(agent: number): number {
    const core = this.#agents.get(agent);
    return core ? states[core.status().state] : states.stopped;
  }

  decide(question: number, allow: boolean): void {
    this.#questions.get(question)?.(allow);
  }

  /** Closes the tunnel in order. Nothing of the agent reaches the program any more. */
  destroy(agent: number): void {
    const core = this.#agents.get(agent);
    this.#agents.delete(agent);
    core?.stop(() => this.#limitMemory(agent, null));
  }

  /** Calls the program, if the agent still exists then. */
  #tell(agent: number, call: () => void): void {
    this.#deferred.run(() => {
      if (this.#agents.has(agent)) call();
    });
  }

  #logOf(agent: number, severity: number): Log {
    const write = (level: number) => (text: string) => {
      // An agent that is being created has lines, too.
      if (level <= severity) this.#deferred.run(() => this.#callbacks.log(agent, level, text));
    };
    return {
      error: write(3),
      warning: write(4),
      info: write(6),
      ...(severity < 7 ? {} : { debug: write(7) }),
    };
  }

  #listen(agent: number, core: AgentCore): void {
    const tell = (
      type: keyof typeof EventType,
      event: object,
      { text = null, retryMs = null, port = null, channel = null, open = false }: EventFields,
    ) => {
      const { state } = core.status();
      const json = JSON.stringify({ type, ...event });
      this.#tell(agent, () =>
        this.#callbacks.event(
          agent,
          EventType[type],
          states[state],
          text,
          retryMs ?? -1,
          port ?? 0,
          channel ?? 0,
          open,
          json,
        ),
      );
    };
    core.on('state', (event) => tell('state', event, { text: event.reason }));
    core.on('connecting', (event) => tell('connecting', event, { text: event.reflector }));
    core.on('connected', (event) => tell('connected', event, { text: event.reflector }));
    core.on('disconnected', (event) =>
      tell('disconnected', event, { text: event.reason, retryMs: event.retryMs }),
    );
    core.on('channel', (event) =>
      tell('channel', event, { ...event, text: event.error, open: event.state === 'open' }),
    );
    core.on('access', (event) =>
      tell('access', event, { port: event.port, channel: event.channel, text: event.detail }),
    );
  }

  // ---- who may come in ----

  /** Asks the program; `decided` is called once, later, unless it is cancelled. */
  #question(agent: number, port: number, channel: number, consent: boolean, decided: Decide): Cancellable {
    this.#lastQuestion = (this.#lastQuestion + 1) >>> 0;
    const question = this.#lastQuestion;
    this.#questions.set(question, (allowed) => {
      this.#questions.delete(question);
      decided(allowed);
    });
    this.#tell(agent, () => {
      if (!this.#questions.has(question)) return;
      const answer = this.#callbacks.access(agent, question, port, channel, consent);
      if (answer !== Answer.later) this.decide(question, answer === Answer.allow);
    });
    return { cancel: () => this.#questions.delete(question) };
  }

  #askOf(agent: number): Ask {
    return ({ port, channel }, answer) =>
      this.#question(agent, port, channel, true, (allowed) => answer(allowed ? 'allowed' : 'refused'));
  }

  // ---- the host of one agent ----

  /** With secrets of the program as variables, and with its share of the memory. */
  #hostOf(agent: number, credentials: ReadonlyMap<string, string>): Host {
    const { system } = this.#host;
    const values = new Map([...credentials.keys()].map((variable) => [variable, '']));
    this.#secrets.set(agent, values);
    // Functions of C are not enumerable, so they are inherited.
    const own: Host['system'] = Object.assign(Object.create(system), {
      environment: (name: string) => values.get(name) ?? system.environment(name),
      limitMemory: (bytes: number) => this.#limitMemory(agent, bytes),
    });
    return { ...this.#host, system: own };
  }

  readonly #secrets = new Map<number, Map<string, string>>();

  #readCredentials(
    agent: number,
    credentials: ReadonlyMap<string, string>,
    done: (failure: string | null) => void,
  ): Cancellable {
    let cancelled = false;
    this.#tell(agent, () => {
      if (cancelled) return;
      for (const [variable, path] of credentials) {
        const secret = this.#callbacks.credential(agent, path);
        if (cancelled) return;
        if (secret === null || /[\x00-\x1f\x7f]/.test(secret)) {
          done(`${path}: the program gave ${secret === null ? 'none' : 'control characters'}`);
          return;
        }
        this.#secrets.get(agent)?.set(variable, secret);
      }
      done(null);
    });
    return {
      cancel: () => {
        cancelled = true;
      },
    };
  }

  /** Agents share one engine, so what it may hold is what they may hold together. */
  #limitMemory(agent: number, bytes: number | null): void {
    if (bytes === null) {
      this.#memory.delete(agent);
      this.#secrets.delete(agent);
    } else this.#memory.set(agent, bytes);
    let all = 0;
    for (const each of this.#memory.values()) all += each;
    if (all > 0) this.#host.system.limitMemory(all);
  }
}

interface EventFields {
  readonly text?: string | null;
  readonly retryMs?: number | null;
  readonly port?: number | null;
  readonly channel?: number | null;
  readonly open?: boolean;
}
