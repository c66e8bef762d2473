import { utf8DecodeStrict } from 'rm-protocol';
import type { MqttConfiguration } from '../broker/broker-settings.ts';
import { Deadline } from '../dial/deadline.ts';
import type { Clock } from '../host.ts';
import type { Message } from './codec.ts';
import { mqttLimits } from './limits.ts';
import type { CommandFailure, RemoteAccess } from './remote-access.ts';
import { fill, filterOf, idIn, jsonOf, memberAt, type Values } from './template.ts';

/**
 * No identifier of a command: it becomes a level of a topic, and a broker may end a connection for what Unicode calls control or
 * no character (MQTT 5 section 1.5.4). Then the broker would deliver the command again, and end that connection too.
 */
const unfitForTopic = /[\x00-\x1f\x7f-\x9f/+#\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]/;

interface Command {
  /** Unix milliseconds. */
  readonly until: number;
  state: 'executing' | 'done';
  /** By the monotonic clock. */
  readonly giveUpAt: number;
  /** The broker has the first report. */
  reported: boolean;
  /** Deliveries that wait for that. */
  acknowledge: (() => void)[];
}

/**
 * Commands to open the tunnel. Each is answered by reports, of which the broker keeps the last. A delivery is acknowledged once
 * the broker has the first report: a command that an agent could not report is delivered again, and one that it has reported
 * and not finished when it ended is found in the report itself, by the next one. So nothing need be written on the device.
 */
export class Commands {
  readonly #clock: Clock;
  readonly #settings: Pick<MqttConfiguration, 'command' | 'report'>;
  readonly #names: Values;
  readonly #publish: (message: Message, taken: () => void) => void;
  readonly #access: RemoteAccess;
  readonly #topic: string | null;
  readonly #deadline: Deadline;
  readonly #commands = new Map<string, Command>();
  /** What the last attempt has failed of. */
  #failure: CommandFailure = 'unreachable';

  /** `names` are those of the device, its `boot` among them. */
  constructor(
    clock: Clock,
    settings: Pick<MqttConfiguration, 'command' | 'report'>,
    names: Values,
    access: RemoteAccess,
    publish: (message: Message, taken: () => void) => void,
  ) {
    this.#clock = clock;
    this.#settings = settings;
    this.#names = names;
    this.#publish = publish;
    this.#access = access;
    const { topic } = settings.command;
    this.#topic = topic === null ? null : fill(topic, names);
    this.#deadline = new Deadline(clock);
  }

  /** What is subscribed to; `null`: nothing. */
  get filter(): string | null {
    return this.#topic === null ? null : filterOf(this.#topic);
  }

  /** A message of the broker; false when its topic is none of commands. */
  received(topic: string, payload: Uint8Array, acknowledge: () => void): boolean {
    const idOfTopic = this.#topic === null ? null : idIn(this.#topic, topic);
    if (idOfTopic === null) return false;
    const document = payload.length <= mqttLimits.commandBytes ? parsed(payload) : undefined;
    const { id: path } = this.#settings.command;
    const id = path === null ? idOfTopic : memberAt(document, path);
    const usable =
      typeof id === 'string' &&
      id !== '' &&
      !unfitForTopic.test(id) &&
      id.length <= mqttLimits.commandIdLength;
    if (!usable || !(this.#isCommand(document) || this.#isUnfinished(document))) {
      acknowledge();
      return true;
    }
    const known = this.#commands.get(id);
    if (known) {
      if (known.reported) acknowledge();
      else if (known.acknowledge.push(acknowledge) > mqttLimits.deliveries) known.acknowledge.shift()?.();
    } else if (this.#makeRoom()) this.#execute(id, document, acknowledge);
    return true;
  }

  /** The tunnel is up. */
  connected(): void {
    this.#failure = 'unreachable';
    this.#finishAll(null);
  }

  /** An attempt has failed. */
  attemptFailed(refused: boolean): void {
    this.#failure = refused ? 'refused' : 'unreachable';
  }

  /** Remote access is disabled, or the agent ends. */
  over(failure: 'disabled' | 'stopped'): void {
    this.#finishAll(failure);
  }

  #execute(id: string, document: unknown, acknowledge: () => void): void {
    const now = this.#clock.date();
    const until = this.#untilOf(document, now);
    const command: Command = {
      until: until ?? 0,
      state: 'executing',
      giveUpAt: this.#clock.now() + this.#settings.command.timeout * 1000,
      reported: false,
      acknowledge: [acknowledge],
    };
    this.#commands.set(id, command);
    if (until === null) this.#finish(id, command, 'malformed');
    else if (until <= now) this.#finish(id, command, 'expired');
    else {
      const failure = this.#access.open(until);
      if (failure) this.#finish(id, command, failure);
      else {
        this.#report(id, command, 'executing', null);
        if (this.#access.state === 'connected') this.#finish(id, command, null);
        else this.#watch();
      }
    }
  }

  /** When the tunnel is to close, in Unix milliseconds; `null` when that cannot be read. */
  #untilOf(document: unknown, now: number): number | null {
    const { until, duration } = this.#settings.command;
    const longest = now + this.#access.longestMs;
    const given = memberAt(document, until);
    const seconds = memberAt(document, duration);
    let end = longest;
    if (typeof given === 'string') end = Date.parse(given);
    else if (typeof given === 'number') end = given * 1000;
    else if (typeof seconds === 'number') end = now + seconds * 1000;
    else if (given !== undefined || seconds !== undefined) return null;
    return Number.isFinite(end) ? Math.min(end, longest) : null;
  }

  #isCommand(document: unknown): boolean {
    return Object.entries(this.#settings.command.match).every(([path, text]) => {
      const found = memberAt(document, path);
      // An object of a message may say how it becomes a text, such as by no function.
      return (found === null || typeof found !== 'object') && String(found) === text;
    });
  }

  /** A report of an earlier start of this agent that a command is under way: it is not any more. */
  #isUnfinished(document: unknown): boolean {
    const { payload, words, topic } = this.#settings.report;
    if (topic !== this.#settings.command.topic) return false;
    const pathOf = (name: string) => Object.entries(payload).find(([, text]) => text === name)?.[0];
    const [state, boot] = [pathOf('{state}'), pathOf('{boot}')];
    if (state === undefined || boot === undefined) return false;
    const other = memberAt(document, boot);
    return (
      memberAt(document, state) === (words.executing ?? 'executing') &&
      typeof other === 'string' &&
      other !== this.#names.boot
    );
  }

  /** Forgets what was done first, if need be; false when all are under way. */
  #makeRoom(): boolean {
    if (this.#commands.size < mqttLimits.commands) return true;
    for (const [id, { state, reported }] of this.#commands) {
      if (state === 'done' && reported) return this.#commands.delete(id);
    }
    return false;
  }

  #watch(): void {
    const executing = [...this.#commands.values()].filter(({ state }) => state === 'executing');
    if (executing.length === 0) {
      this.#deadline.clear();
      return;
    }
    const next = Math.min(...executing.map(({ giveUpAt }) => giveUpAt));
    this.#deadline.set(next - this.#clock.now(), () => {
      const now = this.#clock.now();
      for (const [id, command] of this.#commands) {
        if (command.state === 'executing' && command.giveUpAt <= now)
          this.#finish(id, command, this.#failure);
      }
      if (![...this.#commands.values()].some(({ state }) => state === 'executing')) this.#access.giveUp();
      this.#watch();
    });
  }

  #finishAll(failure: CommandFailure | null): void {
    for (const [id, command] of this.#commands) {
      if (command.state === 'executing') this.#finish(id, command, failure);
    }
    this.#deadline.clear();
  }

  #finish(id: string, command: Command, failure: CommandFailure | null): void {
    command.state = 'done';
    this.#report(id, command, failure === null ? 'successful' : 'failed', failure);
  }

  #report(
    id: string,
    command: Command,
    state: 'executing' | 'successful' | 'failed',
    reason: CommandFailure | null,
  ): void {
    const { topic, payload, words, retain } = this.#settings.report;
    const taken = () => {
      command.reported = true;
      for (const acknowledge of command.acknowledge) acknowledge();
      command.acknowledge = [];
    };
    if (topic === null) {
      taken();
      return;
    }
    const until = command.until > 0 ? new Date(command.until).toISOString() : null;
    const values = { ...this.#names, id, state: words[state] ?? state, reason, until };
    this.#publish({ topic: fill(topic, values), payload: jsonOf(payload, values), retain }, taken);
  }
}

function parsed(payload: Uint8Array): unknown {
  try {
    return JSON.parse(utf8DecodeStrict(payload) ?? '');
  } catch {
    return undefined;
  }
}
