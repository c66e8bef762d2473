import { hexEncode, utf8Decode, utf8Encode } from 'rm-protocol';
import { argvOf } from '../config/argv.ts';
import { type Configuration, identity } from '../config/configuration.ts';
import { defaultCommandLimits } from '../config/limits.ts';
import { readTextFile } from '../config/text-file.ts';
import type { Cancellable, Host } from '../host.ts';

/** Where the kernel shows the serial number of a board, and what stays with a disk where there is none. */
const SERIAL_NUMBER = '/sys/firmware/devicetree/base/serial-number';
const MACHINE_ID = '/etc/machine-id';

type Command = Exclude<Configuration['device']['id'], string>;

/**
 * The configuration with what only programs can tell of the device in it: its ID, and for an enrolment the SHA-256 of what
 * names its hardware, hexadecimal. `done` is called once, perhaps within the call.
 */
export function identified(
  host: Host,
  configuration: Configuration,
  done: (configuration: Configuration | { readonly error: string }) => void,
): Cancellable {
  const { device } = configuration;
  const { enroll } = device;
  let running: Cancellable | null = null;
  const ask = (key: string, value: string | Command, next: (text: string) => void): void => {
    if (typeof value === 'string') {
      next(value);
      return;
    }
    const argv = argvOf(value.command);
    const { commandMs: timeoutMs, commandBytes: maxOutputBytes } = defaultCommandLimits;
    running = host.processes.run(argv, { timeoutMs, maxOutputBytes }, ({ status, output, error }) => {
      const text = (utf8Decode(output).split('\n')[0] ?? '').trim();
      if (status === 0 && text !== '') next(text);
      else done({ error: `${key}: ${argv[0]}: ${error?.message ?? `status ${status}, and "${text}"`}` });
    });
  };
  ask('device.id', device.id, (id) => {
    if (!identity.test(id) || id.length > 128) done({ error: `device.id: found ${JSON.stringify(id)}` });
    else if (!enroll) done({ ...configuration, device: { ...device, id } });
    else
      ask('device.enroll.hardware', enroll.hardware ?? hardwareOf(host), (text) => {
        const hardware = hexEncode(host.crypto.digest('sha-256', utf8Encode(text)));
        done({ ...configuration, device: { ...device, id, enroll: { ...enroll, hardware } } });
      });
  });
  return { cancel: () => running?.cancel() };
}

function hardwareOf({ files, system }: Host): string {
  const serial = readTextFile(files, SERIAL_NUMBER);
  if ('text' in serial) return serial.text;
  const nodeId = system.nodeId();
  if (!/^0*$/.test(nodeId)) return nodeId;
  const machine = readTextFile(files, MACHINE_ID);
  return 'text' in machine ? machine.text : '';
}
