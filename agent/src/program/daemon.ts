import { AgentCore } from '../agent/agent.ts';
import type { Configuration } from '../config/configuration.ts';
import { load, type Valid } from '../config/load.ts';
import { CertificateTime } from '../dial/certificate-time.ts';
import { changeState, type Persisted, readState } from '../enrolment/state-file.ts';
import type { Host, Listener } from '../host.ts';
import { type FoldingLog, messageOf, openLog } from '../log/log.ts';
import { withoutVariables } from './child-environment.ts';
import { type ControlledAgent, notOnDemand, serveControl } from './control.ts';
import type { DaemonStatus } from './daemon-status.ts';
import { Notifier } from './notifier.ts';
import type { MakeRequests, Requests } from './requests.ts';

/** `rm-agent run`: an agent that follows its configuration file, its control socket and signals. */
export class Daemon implements ControlledAgent {
  readonly #host: Host;
  readonly #path: string;
  #configuration: Configuration;
  #log!: FoldingLog;
  #notifier!: Notifier;
  #agent!: AgentCore;
  readonly #makeRequests: MakeRequests;
  #requests: Requests | null = null;
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
  constructor(host: Host, path: string, loaded: Valid, makeRequests: MakeRequests) {
    this.#makeRequests = makeRequests;
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
    this.#requests?.start();
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
      ...this.#requests?.status,
    };
  }

  retry(): void {
    if (this.#replacing) return;
    this.#agent.retry();
    this.#requests?.retry();
  }

  /** Returns why the tunnel cannot be opened on demand, or `null`. */
  open(seconds: number | null): string | null {
    if (this.#requests) return this.#requests.open(seconds);
    return this.#makeRequests ? notOnDemand : 'this build has no tunnel on demand';
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
    this.#requests =
      this.#makeRequests?.(host, this.#agent, ok, this.#log, this.#time, this.#requests) ?? null;
  }

  #applyEnabled(): void {
    const others = this.#requests?.enable(this.#enabled) ?? false;
    if (!this.#enabled) this.#agent.disable();
    else if (!others) this.#agent.start();
  }

  /** Ends the tunnel, and the requests for it. */
  #end(done: () => void): void {
    const requests = this.#requests;
    this.#agent.stop(() => (requests ? requests.end(done) : done()));
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
      this.#requests?.start();
      if (this.#reloadAgain) this.reload();
    });
  }
}
