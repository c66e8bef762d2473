import { AgentCore } from '../agent/agent.ts';
import { OnDemand } from '../agent/on-demand.ts';
import type { brokerPort } from '../broker/broker-port.ts';
import type { Configuration } from '../config/configuration.ts';
import { load, type Valid } from '../config/load.ts';
import { version } from '../config/version.ts';
import { CertificateTime } from '../dial/certificate-time.ts';
import { changeState, type Persisted, readState } from '../enrolment/state-file.ts';
import type { Host, Listener } from '../host.ts';
import { type FoldingLog, messageOf, openLog } from '../log/log.ts';
import type { Mqtt, MqttOptions } from '../mqtt/mqtt.ts';
import type { RemoteAccess } from '../mqtt/remote-access.ts';
import { withoutVariables } from './child-environment.ts';
import { type ControlledAgent, serveControl } from './control.ts';
import type { DaemonStatus } from './daemon-status.ts';
import { Notifier } from './notifier.ts';

/** Loads what only an agent with `mqtt` in its configuration needs; `null` in a build without it. */
export type LoadMqtt =
  | (() => { readonly create: (options: MqttOptions) => Mqtt; readonly port: typeof brokerPort })
  | null;

/** `rm-agent run`: an agent that follows its configuration file, its control socket and signals. */
export class Daemon implements ControlledAgent {
  readonly #host: Host;
  readonly #path: string;
  #configuration: Configuration;
  #log!: FoldingLog;
  #notifier!: Notifier;
  #agent!: AgentCore;
  /** `null` unless the tunnel opens on demand only. */
  #onDemand: OnDemand | null = null;
  readonly #loadMqtt: LoadMqtt;
  #mqtt: Mqtt | null = null;
  #listener: Listener | null = null;
  #enabled: boolean;
  #persisted: Persisted | null = null;
  readonly #time: CertificateTime;
  /** The agent of the configuration before is being stopped. */
  #replacing = false;
  /** SIGHUP has come meanwhile: the file may have changed once more. */
  #reloadAgain = false;
  #stopping = false;

  /** `path` is that of the configuration, which is read again on SIGHUP. */
  constructor(host: Host, path: string, loaded: Valid, loadMqtt: LoadMqtt) {
    this.#loadMqtt = loadMqtt;
    this.#host = host;
    this.#path = path;
    this.#time = new CertificateTime(host.clock);
    this.#configuration = loaded.ok;
    this.#createAgent(loaded);
    const { stateFile, start } = loaded.ok;
    try {
      this.#persisted = readState(host.files, stateFile).persisted;
    } catch (error) {
      this.#log.error(`stateFile: ${stateFile}: ${messageOf(error)}; "start" counts`);
    }
    this.#enabled = (this.#persisted ?? start) !== 'disabled';
    this.#listen();
    this.#applyEnabled();
    this.#mqtt?.start();
  }

  // ---- signals ----

  /**
   * Reads the configuration again. One that has changed counts at once, over a new tunnel; one that is wrong, or the
   * same, changes nothing, and neither does one whose files are missing while the tunnel is up. In either case an agent
   * that waits dials at once.
   */
  reload(): void {
    this.#reloadAgain = this.#replacing;
    if (this.#replacing || this.#stopping) return;
    this.#host.system.notify('RELOADING=1');
    const loaded = load(this.#host, this.#path);
    const connected = this.#agent.status().state === 'connected';
    const errors = 'errors' in loaded ? loaded.errors : connected ? loaded.missing : [];
    if (errors.length > 0 || 'errors' in loaded) {
      const [first, ...more] = errors;
      const rest = more.length === 0 ? '' : ` (and ${more.length} more)`;
      this.#log.error(`the configuration stays as it was: ${first}${rest}`);
    } else if (JSON.stringify(loaded.ok) !== JSON.stringify(this.#configuration)) {
      this.#replace(loaded);
      return;
    }
    this.#host.system.notify('READY=1');
    this.#agent.retry();
  }

  /** Ends all in order, and the process with status 0. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#host.system.notify('STOPPING=1');
    this.#listener?.close();
    this.#end(() =>
      this.#notifier.finish(() => {
        this.#log.flush();
        this.#host.system.exit(0);
      }),
    );
  }

  // ---- control socket ----

  status(): DaemonStatus {
    return {
      ...this.#agent.status(),
      persisted: this.#persisted,
      ...(this.#onDemand ? { openUntil: this.#onDemand.until } : {}),
      ...(this.#mqtt ? { mqtt: this.#mqtt.status } : {}),
    };
  }

  retry(): void {
    if (this.#replacing) return;
    this.#agent.retry();
    this.#mqtt?.retry();
  }

  /** Returns why the tunnel cannot be opened on demand, or `null`. */
  open(seconds: number | null): string | null {
    if (!this.#onDemand) return 'the tunnel does not open on demand: see "start"';
    const longestMs = this.#configuration.onDemand.longest * 1000;
    const ms = seconds === null ? longestMs : Math.min(seconds * 1000, longestMs);
    if (!this.#enabled) return 'remote access is disabled';
    if (ms === 0) this.#onDemand.close();
    else this.#onDemand.open(this.#host.clock.date() + ms);
    return null;
  }

  /** Returns why the state could not be saved for the next start, or `null`. */
  enable(enabled: boolean, persist: boolean): string | null {
    this.#enabled = enabled;
    if (!this.#replacing) this.#applyEnabled();
    if (!persist) return null;
    const { stateFile } = this.#configuration;
    const state = enabled ? 'enabled' : 'disabled';
    try {
      if (stateFile === null) throw new Error('found null, needed is a file');
      if (this.#persisted !== state) changeState(this.#host.files, stateFile, { persisted: state });
      this.#persisted = state;
      return null;
    } catch (error) {
      return `${state}, but only until the agent ends: stateFile${stateFile === null ? '' : `: ${stateFile}`}: ${messageOf(error)}`;
    }
  }

  consent(allow: boolean, port: number | null): boolean {
    return this.#agent.consent(allow, port);
  }

  // ---- inside ----

  #createAgent({ ok, warnings, hidden }: Valid): void {
    const host = withoutVariables(this.#host, hidden);
    this.#log = openLog(host, ok.log);
    this.#notifier ??= new Notifier(host, this.#log, null);
    this.#notifier.configure(host, this.#log, ok.notify);
    for (const line of warnings) this.#log.warning(line);
    this.#agent = new AgentCore(host, ok, this.#log, { time: this.#time });
    this.#agent.on('state', (change) => {
      // Without the reason, which may hold what a peer has sent.
      this.#host.system.notify(`STATUS=${change.state}`);
      this.#notifier.changed(change);
    });
    this.#onDemand =
      ok.start === 'onDemand' ? new OnDemand(host.clock, this.#agent, ok.onDemand.idle * 1000) : null;
    this.#createMqtt(host, ok);
  }

  #createMqtt(host: Host, configuration: Configuration): void {
    const before = this.#mqtt;
    this.#mqtt = null;
    const { mqtt } = configuration;
    if (!mqtt || !this.#loadMqtt) return;
    const { create, port } = this.#loadMqtt();
    const client = create({
      host,
      mqtt,
      version,
      boot: before?.boot ?? null,
      port: port(host, configuration, mqtt, this.#time),
      access: this.#access(this.#agent, this.#onDemand, configuration),
      log: this.#log,
    });
    this.#agent.on('state', ({ state }) => client.stateChanged(state));
    this.#agent.on('disconnected', ({ kind }) => client.attemptFailed(kind));
    this.#agent.onProperties((properties) => client.setProperties(properties));
    this.#mqtt = client;
  }

  /** What messages may do. */
  #access(
    agent: AgentCore,
    onDemand: OnDemand | null,
    { onDemand: { longest } }: Configuration,
  ): RemoteAccess {
    return {
      get state() {
        return agent.state;
      },
      get until() {
        return onDemand?.until ?? null;
      },
      longestMs: longest * 1000,
      open: (untilMs) => {
        if (!this.#enabled) return 'disabled';
        onDemand?.open(untilMs);
        return null;
      },
      giveUp: () => {
        if (agent.state !== 'connected') onDemand?.close();
      },
    };
  }

  #applyEnabled(): void {
    if (!this.#enabled) {
      this.#onDemand?.forget();
      this.#agent.disable();
    } else if (!this.#onDemand) this.#agent.start();
    else if (this.#agent.state === 'disabled') this.#agent.stop();
  }

  /** Ends the tunnel and says good-bye to the broker. */
  #end(done: () => void): void {
    const mqtt = this.#mqtt;
    this.#onDemand?.forget();
    this.#agent.stop(() => (mqtt ? mqtt.stop(done) : done()));
  }

  #listen(): void {
    const { control } = this.#configuration;
    this.#listener =
      control === null
        ? null
        : serveControl(this.#host, control, this, ({ message }) =>
            this.#log.warning(`control: ${control}: ${message}; "rm-agent status" cannot reach this agent`),
          );
  }

  #replace(loaded: Valid): void {
    this.#log.info('the configuration has changed');
    this.#replacing = true;
    this.#end(() => {
      this.#replacing = false;
      if (this.#stopping) return;
      const before = this.#configuration.control;
      this.#configuration = loaded.ok;
      this.#log.flush();
      this.#createAgent(loaded);
      if (loaded.ok.control !== before) {
        this.#listener?.close();
        this.#listen();
      }
      this.#host.system.notify('READY=1');
      this.#applyEnabled();
      this.#mqtt?.start();
      if (this.#reloadAgain) this.reload();
    });
  }
}
