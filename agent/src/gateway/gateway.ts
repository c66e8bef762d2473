import { utf8Encode } from 'rm-protocol';
import type { Handlers } from '../agent/forwarded-ports.ts';
import type { AgentState } from '../agent/status.ts';
import type { Service } from '../config/configuration.ts';
import type { Json, JsonObject } from '../config/json.ts';
import { gatewayLimits } from '../config/limits.ts';
import { readMemory } from '../config/sizing.ts';
import { version } from '../config/version.ts';
import { CertificateTime } from '../dial/certificate-time.ts';
import type { Dial } from '../dial/dial-service.ts';
import type { Cancellable, Host } from '../host.ts';
import { type Log, messageOf } from '../log/log.ts';
import type { ControlledAgent } from '../program/control.ts';
import { probeServices } from '../program/probe-services.ts';
import { capacityOn, gatewayCost, shortages } from './capacity.ts';
import { ChannelBudget } from './channel-budget.ts';
import { configureDevice, type DeviceConfiguration } from './device-configuration.ts';
import { deviceHosts } from './device-host.ts';
import { type DeviceSource, deviceSources, digestOf, pageKey } from './device-sources.ts';
import { diagnose, type Finding } from './diagnosis.ts';
import { DialSlots } from './dial-slots.ts';
import { GatewayDevice, type GatewayParts } from './gateway-device.ts';
import type { GatewaySettings } from './gateway-file.ts';
import { type Reachability, ReachabilityWatch } from './reachability.ts';
import { isObject, readDeviceFile } from './source.ts';

/** One device in the list of all. */
export interface DeviceSummary {
  readonly id: string;
  readonly name: string | null;
  readonly target: string;
  readonly state: AgentState;
  readonly since: number;
  /** Why there is no tunnel, cut to a line; `null` while there is one. */
  readonly lastError: string | null;
  readonly channels: number;
  readonly reachability: Reachability | null;
}

/** For `rm-agent status --json` of a gateway. Times are Unix milliseconds. */
export interface GatewayStatus {
  readonly devices: readonly DeviceSummary[];
  /** What is wrong with the configuration of devices, one line each; a device that ran before goes on as it was. */
  readonly faults: readonly string[];
  readonly since: number;
  readonly residentMemory: number;
  readonly version: string;
  /** Where the page is on the network of the gateway, and why it is not at present; absent: nowhere. */
  readonly pageListen?: { readonly address: string; readonly port: number; readonly fault: string | null };
  /** What sets the first password of the page; absent: there is one, or no page. */
  readonly pageCode?: string;
}

/** A file in the folder of the devices. */
export interface DeviceFile {
  /** Without `.json`. */
  readonly name: string;
  /** Of the device that runs by it; `null`: none. */
  readonly id: string | null;
  /** Why what it says now does not count. */
  readonly fault: string | null;
}

/** What is known of one file, or of one device in the gateway's file. */
interface Entry {
  source: DeviceSource;
  /** Of the configuration that the device runs with. */
  configured: string;
  device: GatewayDevice | null;
  /** What is to run once its ID is free; `null`: nothing. */
  next: DeviceConfiguration | null;
  /** ID of the device that stops; `null`: none does. */
  stopping: string | null;
  /** Of the device before. */
  enabled: boolean | null;
  /** Why what the file says now does not count; one line. */
  fault: string | null;
}

/** Of the device that it runs, or is to run. */
const presentId = ({ next, device }: Entry): string | undefined => (next ?? device)?.id;

/** File names of devices, without `.json`. */
const deviceName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/**
 * All devices of a gateway: reads where they are configured, runs an agent for each, and changes just those whose
 * configuration has changed. A page or a program in this process can show and change devices through it.
 */
export class Gateway implements ControlledAgent {
  /** Another of which only the devices differ takes effect with {@link refresh}. */
  settings: GatewaySettings;
  /** What answers for the gateway's own page; to be set before the first {@link refresh}. */
  page: { readonly dial: Dial; readonly visitorKey: string | null } | null = null;
  readonly #host: Host;
  readonly #log: Log;
  readonly #parts: GatewayParts;
  readonly #watch: ReachabilityWatch;
  readonly #entries = new Map<string, Entry>();
  /** Entries that are no more, while their devices stop. */
  readonly #leaving = new Set<Entry>();
  readonly #since: number;
  /** The number of devices of which the log has said that they are many for this machine. */
  #mostWarned = 0;
  /** The fault of the folder itself. */
  #fault: string | null = null;
  #stopped: (() => void) | null = null;
  /** Looks again at what a device waits for. */
  #again: Cancellable | null = null;
  #changed: () => void = () => undefined;

  /** `handlers` gives what answers inside this process for a device, by port, in the place of its target. */
  constructor(
    host: Host,
    settings: GatewaySettings,
    log: Log,
    handlers: (id: string) => Handlers = () => new Map(),
  ) {
    this.settings = settings;
    this.#host = host;
    this.#log = log;
    this.#since = host.clock.date();
    const { limits, gateway } = settings.file;
    const given = settings.shared.limits;
    const capacity = capacityOn(
      readMemory(host.files),
      limits,
      typeof given === 'object' && given !== null ? given : {},
    );
    const hosts = deviceHosts(host);
    this.#parts = {
      hosts,
      log,
      slots: new DialSlots(host.clock),
      budget: new ChannelBudget(capacity.channels),
      capacity,
      handlers,
      time: new CertificateTime(host.clock),
    };
    this.#watch = new ReachabilityWatch(hosts.target, gateway.probe * 1000);
  }

  /** Called after devices have come, gone or changed. */
  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  /**
   * Reads where the devices are configured, and starts, stops and replaces those that have changed. `thorough`: also those
   * whose text is the same, because what it names may have changed.
   */
  refresh(thorough = false): void {
    if (this.#stopped) return;
    const sources = deviceSources(this.#host, this.settings);
    if ('error' in sources) {
      if (sources.error !== this.#fault) this.#log.error(`${sources.error}; the devices stay as they were`);
      this.#fault = sources.error;
      return;
    }
    this.#fault = null;
    this.#again?.cancel();
    this.#again = null;
    const keys = new Set(sources.map(({ key }) => key));
    for (const [key, entry] of this.#entries) if (!keys.has(key)) this.#remove(key, entry);
    const wanted = new Map<Entry, DeviceConfiguration>();
    for (const source of sources) {
      const entry = this.#entryOf(source, thorough);
      if (!entry) continue;
      const judged = this.#judge(source);
      if (typeof judged === 'string') this.#refuse(entry, judged);
      else wanted.set(entry, judged);
    }
    this.#admit(wanted);
    for (const [entry, judged] of wanted) this.#change(entry, judged);
    this.#beginAll();
    this.#bound();
    this.#changed();
  }

  /** The device with this ID, or `null`. */
  device(id: string): GatewayDevice | null {
    for (const { device } of this.#entries.values()) if (device?.id === id) return device;
    return null;
  }

  /**
   * Tries the services of a device that may not exist yet, one after the other: `report` gets `null`, or why one cannot be used
   * and which settings may help. `done` is called once, never from within the call.
   */
  test(
    json: Json,
    report: (service: Service, failure: string | null) => void,
    done: (problems: readonly string[]) => void,
  ): void {
    const judged = configureDevice(this.#host, this.settings, json);
    if ('errors' in judged) this.#host.clock.schedule(0, () => done(judged.errors));
    else probeServices(this.#parts.hosts.target, judged.configuration, report, () => done([]));
  }

  /** As {@link test}, in sentences: can it be reached, does it speak TLS, does it answer HTTP? */
  diagnose(
    json: Json,
    report: (finding: Finding) => void,
    done: (problems: readonly string[]) => void,
  ): void {
    const judged = configureDevice(this.#host, this.settings, json);
    if ('errors' in judged) this.#host.clock.schedule(0, () => done(judged.errors));
    else diagnose(this.#parts.hosts.target, judged.configuration, this.#parts.time, report, () => done([]));
  }

  /** The files in the folder, and which devices run by them. */
  files(): readonly DeviceFile[] {
    if (this.settings.file.gateway.folder === null) return [];
    const files: DeviceFile[] = [];
    for (const [key, { device, next, fault }] of this.#entries)
      if (key !== pageKey)
        files.push({ name: key.replace(/\.json$/, ''), id: (device ?? next)?.id ?? null, fault });
    return files;
  }

  /** What the file of a device says, with a digest of it; `absent`: there is no such file. */
  fileOf(
    name: string,
  ):
    | { readonly json: JsonObject; readonly digest: string }
    | { readonly error: string; readonly absent: boolean } {
    const { folder } = this.settings.file.gateway;
    if (folder === null || !deviceName.test(name))
      return { error: `there is no file ${name}.json`, absent: true };
    const path = `${folder}/${name}.json`;
    const source = readDeviceFile(this.#host.files, path);
    if ('json' in source && isObject(source.json))
      return { json: source.json, digest: digestOf(this.#host, JSON.stringify(source.json)) };
    const error = 'error' in source ? source.error : `${path}: found no object`;
    return { error, absent: this.#isAbsent(path) };
  }

  /** What is wrong with a device; none: it can be added. */
  problemsOf(json: Json): readonly string[] {
    const judged = configureDevice(this.#host, this.settings, json);
    return 'errors' in judged ? judged.errors : [];
  }

  /**
   * Writes the file of a device in the folder, new or in the place of another, after which it counts. Returns what is
   * wrong, one line each; then nothing has changed.
   */
  put(name: string, json: Json): readonly string[] {
    const { folder } = this.settings.file.gateway;
    if (folder === null) return ['gateway.folder: missing, needed is one to change devices'];
    if (!deviceName.test(name))
      return [`found "${name}", allowed is a file name of letters, digits, "_", "." and "-"`];
    const problems = this.problemsOf(json);
    if (problems.length > 0) return problems;
    const path = `${folder}/${name}.json`;
    const bytes = utf8Encode(`${JSON.stringify(json, null, 2)}\n`);
    // What is written must be read again, and so must all the others.
    if (bytes.length > gatewayLimits.fileBytes)
      return [`found ${bytes.length} bytes, allowed are ${gatewayLimits.fileBytes} in the file of a device`];
    if (this.files().length >= gatewayLimits.files && this.#isAbsent(path))
      return [`found ${gatewayLimits.files} files, more are not allowed in ${folder}`];
    return this.#edit(() => this.#host.files.writeAtomically(path, bytes));
  }

  /** A path that cannot be looked at is not absent. */
  #isAbsent(path: string): boolean {
    try {
      return this.#host.files.stat(path) === null;
    } catch {
      return false;
    }
  }

  /** Removes the file of a device in the folder, and so the device. */
  remove(name: string): readonly string[] {
    const { folder } = this.settings.file.gateway;
    if (folder === null || !deviceName.test(name)) return [`there is no file ${name}.json`];
    return this.#edit(() => this.#host.files.remove(`${folder}/${name}.json`));
  }

  /** Ends all devices in order; `done` is called when nothing is left. */
  stop(done: () => void): void {
    this.#stopped = done;
    this.#watch.stop();
    this.#again?.cancel();
    for (const [key, entry] of this.#entries) this.#remove(key, entry);
    this.#finish();
  }

  // ---- rm-agent ----

  status(): GatewayStatus {
    const devices: DeviceSummary[] = [];
    const faults: string[] = this.#fault === null ? [] : [this.#fault];
    for (const { device, fault } of this.#entries.values()) {
      if (fault !== null) faults.push(fault.slice(0, 2 * gatewayLimits.reasonLength));
      if (!device) continue;
      const { id, name, target, state, since, lastError, channels, reachability } = device.status();
      const short = lastError === null ? null : lastError.slice(0, gatewayLimits.reasonLength);
      devices.push({ id, name, target, state, since, lastError: short, channels, reachability });
    }
    const residentMemory = this.#host.system.residentMemory();
    return { devices, faults, since: this.#since, residentMemory, version };
  }

  retry(): void {
    for (const { device } of this.#entries.values()) device?.retry();
  }

  /** Of all devices. */
  enable(enabled: boolean, persist: boolean): string | null {
    let wrong: string | null = null;
    for (const { device } of this.#entries.values()) wrong = device?.enable(enabled, persist) ?? wrong;
    return wrong;
  }

  consent(allow: boolean, port: number | null): boolean {
    return [...this.#entries.values()].filter(({ device }) => device?.consent(allow, port)).length > 0;
  }

  // ---- inside ----

  /** `null`: it is as it was. */
  #entryOf(source: DeviceSource, thorough: boolean): Entry | null {
    const known = this.#entries.get(source.key);
    if (known && !known.fault && !thorough && known.source.digest === source.digest) return null;
    const entry = known ?? {
      source,
      configured: '',
      device: null,
      next: null,
      stopping: null,
      enabled: null,
      fault: null,
    };
    entry.source = source;
    this.#entries.set(source.key, entry);
    return entry;
  }

  /** The configuration, or why there is none, in one line. */
  #judge({ content }: DeviceSource): DeviceConfiguration | string {
    if ('error' in content) return content.error;
    const judged = configureDevice(this.#host, this.settings, content.json);
    if (!('errors' in judged)) return judged;
    if (judged.transient)
      this.#again ??= this.#host.clock.schedule(gatewayLimits.waitMs, () => this.refresh());
    const [first = '', ...more] = judged.errors;
    const rest = more.length === 0 ? '' : ` (and ${more.length} more)`;
    return `${content.place(/^[^:\s]*(?=: )/.exec(first)?.[0] ?? '')}${first}${rest}`;
  }

  /** What the file of an entry says now does not count. */
  #refuse(entry: Entry, fault: string): void {
    if (fault !== entry.fault) this.#log.error(entry.device ? `${fault}; the device stays as it was` : fault);
    entry.fault = fault;
  }

  /** Takes those out of `wanted` whose ID another one has, and those that are too many. */
  #admit(wanted: Map<Entry, DeviceConfiguration>): void {
    // Whoever is refused keeps the ID that it has, which others may want.
    for (let refused = this.#refusedOf(wanted); refused; refused = this.#refusedOf(wanted)) {
      wanted.delete(refused.entry);
      this.#refuse(refused.entry, refused.fault);
    }
  }

  #refusedOf(wanted: ReadonlyMap<Entry, DeviceConfiguration>): { entry: Entry; fault: string } | null {
    const owners = new Map<string, Entry>();
    let count = 0;
    for (const entry of this.#entries.values()) {
      const id = presentId(entry);
      if (id === undefined) continue;
      count++;
      if ((wanted.get(entry)?.id ?? id) === id) owners.set(id, entry);
    }
    for (const [entry, { id }] of wanted) {
      const { origin } = entry.source;
      const owner = owners.get(id) ?? entry;
      if (owner !== entry) {
        const fault = `${origin}: device.id: found "${id}", which ${owner.source.origin} has already`;
        return { entry, fault };
      }
      if (presentId(entry) === undefined && ++count > gatewayLimits.devices)
        return { entry, fault: `${origin}: allowed are ${gatewayLimits.devices} devices` };
      owners.set(id, entry);
    }
    return null;
  }

  #change(entry: Entry, judged: DeviceConfiguration): void {
    entry.fault = null;
    const configured = digestOf(this.#host, JSON.stringify(judged.configuration));
    if (configured === entry.configured) return;
    entry.configured = configured;
    entry.next = judged;
    this.#end(entry);
  }

  /** Begins what is to run, but for devices of which one with the same ID is still there: devices may exchange their IDs. */
  #beginAll(): void {
    const there = new Set<string>();
    for (const { device, stopping } of [...this.#entries.values(), ...this.#leaving]) {
      if (device) there.add(device.id);
      if (stopping !== null) there.add(stopping);
    }
    for (const entry of this.#entries.values())
      if (entry.next && entry.stopping === null && !there.has(entry.next.id)) this.#begin(entry);
  }

  #begin(entry: Entry): void {
    const { next } = entry;
    if (!next) return;
    entry.next = null;
    const { page } = this;
    const isPage = entry.source.key === pageKey;
    const handlers = () => new Map(page ? [[80, page.dial]] : []);
    const visitorKey = page?.visitorKey ?? null;
    entry.device = new GatewayDevice(
      isPage ? { ...this.#parts, handlers, ...(visitorKey === null ? {} : { visitorKey }) } : this.#parts,
      next,
      entry.enabled,
    );
    // The page is in this process.
    if (!isPage) this.#watch.add(entry.device);
  }

  /** Stops the device of an entry, and then begins what has waited for that. */
  #end(entry: Entry): void {
    const { device } = entry;
    if (!device) return;
    entry.device = null;
    entry.enabled = device.enabled;
    entry.stopping = device.id;
    this.#watch.remove(device);
    device.stop(() => {
      entry.stopping = null;
      this.#finish();
      if (!this.#stopped) this.#beginAll();
    });
  }

  #remove(key: string, entry: Entry): void {
    entry.next = null;
    this.#end(entry);
    if (entry.stopping !== null) this.#leaving.add(entry);
    this.#entries.delete(key);
  }

  #finish(): void {
    for (const entry of this.#leaving) if (entry.stopping === null) this.#leaving.delete(entry);
    if (this.#stopped && this.#leaving.size === 0) this.#stopped();
  }

  /** What the process may hold, and what the machine lacks of it. */
  #bound(): void {
    const { capacity } = this.#parts;
    const configurations = [...this.#entries.values()].flatMap(({ device, next }) =>
      device ? [device.configuration] : next ? [next.configuration] : [],
    );
    const secure = configurations.some(({ services }) => services.some(({ kind }) => kind === 'https'));
    const cost = gatewayCost(capacity, configurations.length, secure);
    const { memoryBytes } = capacity.device;
    this.#host.system.limitMemory(Math.max(memoryBytes ?? 0, cost.bytes));
    const short = shortages(this.#host.files, cost, configurations.length).join('; ');
    if (short !== '' && configurations.length > this.#mostWarned) {
      this.#log.warning(short);
      this.#mostWarned = configurations.length;
    }
  }

  #edit(change: () => void): readonly string[] {
    try {
      change();
    } catch (error) {
      return [messageOf(error)];
    }
    this.refresh();
    return [];
  }
}
