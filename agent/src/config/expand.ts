import { utf8Decode } from 'rm-protocol';
import type { Machine } from './machine.ts';
import { readTextFile } from './text-file.ts';
import type { Expand } from './validate.ts';

/** More than an address has. */
const MAX_ADDRESS_BYTES = 4096;

const interfaces = '/sys/class/net';

export interface ExpansionEvents {
  /** An environment variable is part of a confidential text. */
  hide?(name: string): void;
  /** A hardware address was taken: `${nodeId} is 0123456789ab, the hardware address of eth0`. */
  identified?(line: string): void;
}

/** `transient`: the reason may be gone later. */
type LookUp = { readonly text: string } | { readonly reason: string; readonly transient?: boolean };

/**
 * Expands `${nodeId}`, `${mac:INTERFACE}`, `${hostname}`, `${env.NAME}`, `${env.NAME:-DEFAULT}`, `${file:PATH}` and `${$}`, which
 * is a `$`. What an expansion yields is not expanded again. An unknown or unset variable, a file that cannot be read and a `${` without
 * `}` are reported.
 */
export function expansion(host: Machine, { hide, identified }: ExpansionEvents = {}): Expand {
  return (text, fail, confidential) =>
    text.replace(/\$\{([^}]*)(\}?)/g, (reference, name: string, end: string) => {
      if (end === '') {
        fail(`found "\${" without "}"; a literal "\${" is written "\${$}{"`);
        return reference;
      }
      const value = lookUp(host, name);
      if (confidential && name.startsWith('env.')) hide?.(name.slice(4).replace(/:-.*/, ''));
      if ('reason' in value) {
        fail(`found ${reference}, ${value.reason}`, value.transient);
        return reference;
      }
      if (identified && name === 'nodeId')
        identified(`${reference} is ${value.text}${ofInterface(host, value.text)}`);
      return value.text;
    });
}

function lookUp({ files, system }: Machine, name: string): LookUp {
  if (name === '$') return { text: '$' };
  if (name === 'hostname') return { text: system.hostName() };
  if (name === 'nodeId') {
    const nodeId = system.nodeId();
    // All devices without a network interface would share one identity, and evict each other at the reflector.
    if (/^0*$/.test(nodeId))
      return { reason: 'but no network interface has a hardware address', transient: true };
    return { text: nodeId };
  }
  if (name.startsWith('env.')) {
    const [, variable = '', other] = /^env\.(.*?)(?::-(.*))?$/.exec(name) ?? [];
    const value = system.environment(variable) ?? other;
    return value === undefined ? { reason: 'but that environment variable is not set' } : { text: value };
  }
  if (name.startsWith('file:/')) {
    const file = readTextFile(files, name.slice(5));
    return 'text' in file ? file : { reason: `but it ${file.reason}`, transient: file.pending };
  }
  if (/^mac:[^/]+$/.test(name)) {
    const address = hardwareAddress(files, name.slice(4));
    return address === null
      ? { reason: 'but there is no such hardware address', transient: true }
      : { text: address };
  }
  return {
    reason:
      'allowed variables are ${nodeId}, ${mac:INTERFACE}, ${hostname}, ${env.NAME}, ${file:/PATH} and ${$}',
  };
}

/** 12 lower-case hexadecimal digits, as `${nodeId}` has them; `null` where there is none, or only zeros. */
function hardwareAddress(files: Machine['files'], name: string): string | null {
  try {
    const address = utf8Decode(files.read(`${interfaces}/${name}/address`, MAX_ADDRESS_BYTES)).replace(
      /[:\s]/g,
      '',
    );
    return /^(?!0*$)[0-9a-f]{12}$/.test(address) ? address : null;
  } catch {
    return null;
  }
}

/** Which interfaces have this address: a bridge and its first port share one. */
function ofInterface({ files }: Machine, address: string): string {
  try {
    const names = files.list(interfaces).filter((name) => hardwareAddress(files, name) === address);
    return names.length === 0 ? '' : `, the hardware address of ${names.join(' and ')}`;
  } catch {
    return '';
  }
}
