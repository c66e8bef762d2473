import { printable } from 'rm-protocol';
import { portLabel } from '../agent/port-label.ts';
import type { Json } from '../config/json.ts';
import type { Machine } from '../config/machine.ts';
import { reflectorsOf } from '../config/parts.ts';
import { readMemory } from '../config/sizing.ts';
import type { Host } from '../host.ts';
import { checkStatus, makeAttempt, type Report } from '../program/check.ts';
import { ExitStatus } from '../program/exit-status.ts';
import { duration } from '../program/format-status.ts';
import { probeServices } from '../program/probe-services.ts';
import { sendCommand } from '../program/send-command.ts';
import { capacityOn, gatewayCost, shortages } from './capacity.ts';
import { configureDevice, type DeviceConfiguration } from './device-configuration.ts';
import { deviceHosts } from './device-host.ts';
import { deviceSources, pageKey } from './device-sources.ts';
import type { GatewayStatus } from './gateway.ts';
import type { GatewayDeviceStatus } from './gateway-device.ts';
import type { GatewaySettings } from './gateway-file.ts';
import { plainHttp } from './page/plain-http.ts';
import { isObject } from './source.ts';

interface Options {
  /** Only this device. */
  readonly only: string | null;
  readonly offline: boolean;
  readonly dial: boolean;
  /** What is judged in place of this machine; `null`: this one. */
  readonly image: Machine | null;
}

/**
 * `rm-agent check` of a gateway: its file, each device, its services, and the running gateway's tunnels. Of an image, only
 * its files.
 */
export function checkGateway(
  host: Host,
  settings: GatewaySettings,
  { only, offline, dial, image }: Options,
): void {
  const report: Report = (mark, step, detail) =>
    host.system.print(1, `${mark.padEnd(7)}${step.padEnd(14)}${printable(detail)}\n`);
  const exit = (status: number) => host.system.exit(status);
  const warn = (line: string) => host.system.print(2, `warning ${printable(line)}\n`);
  for (const line of settings.missing) warn(line);
  const place = settings.file.gateway.page?.listen ?? null;
  if (place) warn(`${settings.place('gateway.page.listen')}gateway.page.listen: ${plainHttp(place)}`);
  report('ok', 'configuration', settings.path);
  const machine = image ?? host;
  const sources = deviceSources({ files: machine.files, crypto: host.crypto }, settings);
  if ('error' in sources) {
    report('FAILED', 'devices', sources.error);
    exit(ExitStatus.configuration);
    return;
  }
  const devices: DeviceConfiguration[] = [];
  /** Those with a target: the page is served inside the gateway. */
  const targets: DeviceConfiguration[] = [];
  const ids = new Set<string>();
  let wrong = false;
  for (const { key, origin, content } of sources) {
    const judged =
      'error' in content
        ? { errors: [content.error] }
        : configureDevice(machine, settings, content.json, image !== null);
    if ('errors' in judged) {
      wrong = true;
      for (const line of judged.errors)
        report('FAILED', 'device', line.startsWith('/') ? line : `${origin}: ${line}`);
      continue;
    }
    // What the devices share was said of the gateway's file.
    for (const line of judged.warnings)
      if (!settings.missing.some((said) => said.endsWith(line))) warn(`${origin}: ${line}`);
    const id = image === null || 'error' in content ? judged.id : idInImage(content.json, judged.id);
    const other = ids.has(id);
    ids.add(id);
    if (other) report('FAILED', 'device', `${origin}: device.id: another has "${id}" already`);
    wrong ||= other;
    if (other || (only !== null && only !== judged.id)) continue;
    devices.push(judged);
    if (key !== pageKey) targets.push(judged);
  }
  // The memory of an image is another machine's.
  if (image === null) reportCost(host, settings, devices, report);
  if (only !== null && devices.length === 0) {
    report('FAILED', 'device', `there is no device "${only}"`);
    exit(ExitStatus.usage);
  } else if (offline) exit(wrong ? ExitStatus.configuration : ExitStatus.ok);
  else
    probeAll(host, targets, report, (complete) =>
      askGateway(host, settings, devices, only !== null, dial, report, (connected) =>
        exit(wrong ? ExitStatus.configuration : checkStatus(connected, complete)),
      ),
    );
}

/** Of two IDs with variables that only the device knows, it can only be said that they are the same if their texts are. */
function idInImage(json: Json, id: string): string {
  const text = isObject(json) && isObject(json.device) ? json.device.id : undefined;
  return typeof text === 'string' && text.includes('${') ? text : id;
}

function reportCost(
  host: Host,
  { file, shared }: GatewaySettings,
  devices: readonly DeviceConfiguration[],
  report: Report,
): void {
  const given = isObject(shared.limits) ? shared.limits : {};
  const capacity = capacityOn(readMemory(host.files), file.limits, given);
  const secure = devices.some(({ configuration }) =>
    configuration.services.some(({ kind }) => kind === 'https'),
  );
  const cost = gatewayCost(capacity, devices.length, secure, host.system.residentMemory());
  const short = shortages(host.files, cost, devices.length);
  for (const line of short) report('FAILED', 'machine', line);
  if (short.length === 0)
    report('ok', 'machine', `${devices.length} devices fit, with ${capacity.channels} channels together`);
}

/** The services of one device after the other; `done` gets whether all can be reached. */
function probeAll(
  host: Host,
  devices: readonly DeviceConfiguration[],
  report: Report,
  done: (complete: boolean) => void,
): void {
  const { target } = deviceHosts(host);
  let complete = true;
  inTurn(
    host,
    devices,
    ({ id, configuration }, next) =>
      probeServices(
        target,
        configuration,
        ({ port, name }, failure) => {
          complete &&= failure === null;
          report(
            failure === null ? 'ok' : 'FAILED',
            'service',
            `${id}: ${portLabel(port, name)}${failure === null ? '' : `: ${failure}`}`,
          );
        },
        next,
      ),
    () => done(complete),
  );
}

/** One device after the other, each in a turn of its own: a step may end at once, and there may be 200 of them. */
function inTurn(
  { clock }: Pick<Host, 'clock'>,
  devices: readonly DeviceConfiguration[],
  step: (device: DeviceConfiguration, next: () => void) => void,
  done: () => void,
): void {
  const from = (index: number): void => {
    const device = devices[index];
    if (device) step(device, () => clock.schedule(0, () => from(index + 1)));
    else done();
  };
  from(0);
}

/** The tunnels of the running gateway; without one, an attempt for each device. */
function askGateway(
  host: Host,
  { file: { control } }: GatewaySettings,
  devices: readonly DeviceConfiguration[],
  one: boolean,
  dial: boolean,
  report: Report,
  done: (connected: boolean) => void,
): void {
  const [device] = devices;
  const attempt = () => {
    if (one && device) makeAttempt(host, device.configuration, report, done);
    else attemptEach(host, devices, report, done);
  };
  if (control === null || (dial && one)) {
    const why = control === null ? 'control is null' : '--dial';
    report(
      'try',
      'gateway',
      `${why}: a gateway that runs beside this loses the tunnel of ${one ? 'the' : 'each'} device for a moment`,
    );
    attempt();
    return;
  }
  const command = one && device ? `device ${device.id} status` : 'status';
  sendCommand(host, control, command, (answer, error, code) => {
    if (error !== null) {
      report(code === undefined ? 'FAILED' : 'ok', 'gateway', error);
      if (code === 'not-found' || code === 'refused') attempt();
      else done(false);
      return;
    }
    const states = one ? [answer as GatewayDeviceStatus] : (answer as GatewayStatus).devices;
    let connected = true;
    for (const { id, state, since, lastError } of states) {
      const age = duration(host.clock.date() - since);
      const up = state === 'connected' || state === 'disabled';
      connected &&= up;
      report(
        up ? 'ok' : 'FAILED',
        'tunnel',
        `${id}: ${state} for ${age}${lastError === null ? '' : `: ${lastError}`}`,
      );
    }
    done(connected);
  });
}

/**
 * One device after the other. Where nobody answered for one, those with the same reflectors, proxies and certificates are not tried: each
 * would wait as long.
 */
function attemptEach(
  host: Host,
  devices: readonly DeviceConfiguration[],
  report: Report,
  done: (connected: boolean) => void,
): void {
  const silent = new Set<string>();
  let all = true;
  inTurn(
    host,
    devices,
    ({ id, configuration }, next) => {
      const reflectors = reflectorsOf(configuration).join(', ');
      const way = JSON.stringify([reflectors, configuration.proxy, configuration.tls]);
      if (silent.has(way)) {
        const why = `another device has not reached ${reflectors} in the same way`;
        report('FAILED', 'tunnel', `${id}: not tried, for ${why}`);
        next();
        return;
      }
      let answered = false;
      const named: Report = (mark, step, detail) => {
        answered ||= step === 'upgrade' || step === 'configuration';
        report(mark, step, `${id}: ${detail}`);
      };
      makeAttempt(host, configuration, named, (connected) => {
        all &&= connected;
        if (!answered) silent.add(way);
        next();
      });
    },
    () => done(all),
  );
}
