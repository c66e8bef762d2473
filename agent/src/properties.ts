import type { Configuration, PropertyValue } from './config/configuration.ts';
import type { Cancellable, Host } from './host/host.ts';
import { type Property, utf8Decode } from './protocol/index.ts';

/** Time that a property's command may take, in milliseconds. */
const COMMAND_MS = 10_000;

/** Output of a command that is read, in bytes; a property is one line. */
const OUTPUT_BYTES = 1024;

/** The property that names the port of each kind (`webtunnel.md` section 1). */
const portProperties = [
  ['http', 'httpPort'],
  ['https', 'httpPort'],
  ['ssh', 'sshPort'],
  ['vnc', 'vncPort'],
  ['rdp', 'rdpPort'],
  ['vpn', 'vpnPort'],
  ['app', 'appPort'],
] as const;

/** The properties that follow from the configuration alone; of several services of a kind the first is named. */
export function fixedProperties({ device, services, target }: Configuration): Property[] {
  const properties: Property[] = [
    { name: 'targetHost', value: target },
    { name: 'targetPorts', value: services.map(({ port }) => port).join(', ') },
  ];
  const add = (name: string, value: string | number | null | undefined) => {
    if (value === null || value === undefined || properties.some((property) => property.name === name))
      return;
    properties.push({ name, value: String(value) });
  };
  add('httpPath', services.find(({ kind }) => kind === 'http' || kind === 'https')?.path);
  for (const service of services) {
    for (const [kind, name] of portProperties) if (service.kind === kind) add(name, service.port);
  }
  add('name', device.name);
  add('version', device.version);
  add('tenant', device.tenant);
  return properties;
}

type CommandValue = Extract<PropertyValue, { command: unknown }>;

function isCommand(value: PropertyValue): value is CommandValue {
  return typeof value === 'object';
}

/** Program and arguments; text is split at spaces, because no shell is to read it. */
function words({ command }: CommandValue): readonly string[] {
  return typeof command === 'string' ? command.split(' ').filter((word) => word !== '') : command;
}

/**
 * The custom properties as they are now: commands are run one after the other, so that a small device is not loaded
 * with all of them at once. One that fails leaves its property out; `failed` is told why. `done` is never called from
 * within this call.
 */
export function customProperties(
  host: Host,
  { device }: Configuration,
  failed: (what: string) => void,
  done: (properties: readonly Property[]) => void,
): Cancellable {
  const entries = Object.entries(device.properties);
  const properties: Property[] = [];
  let running: Cancellable;
  const next = (index: number): void => {
    const entry = entries[index];
    if (!entry) {
      done(properties);
      return;
    }
    const [name, value] = entry;
    if (!isCommand(value)) {
      properties.push({ name, value: String(value) });
      next(index + 1);
      return;
    }
    const [program = '', ...rest] = words(value);
    const options = { timeoutMs: COMMAND_MS, maxOutputBytes: OUTPUT_BYTES };
    running = host.processes.run([program, ...rest], options, ({ status, output, timedOut, error }) => {
      if (status === 0 && !timedOut) {
        properties.push({ name, value: (utf8Decode(output).split('\n')[0] ?? '').trim() });
      } else {
        const why =
          error?.message ?? (timedOut ? `no end within ${COMMAND_MS / 1000} s` : `status ${status}`);
        failed(`device.properties.${name}: ${program}: ${why}`);
      }
      next(index + 1);
    });
  };
  running = host.clock.schedule(0, () => next(0));
  return { cancel: () => running.cancel() };
}
