import type { Host } from '../host/host.ts';
import type { Expand } from './validate.ts';

/**
 * Expands `${nodeId}`, `${hostname}`, `${env.NAME}` and `${$}`, which is a `$`. What an expansion yields is not
 * expanded again. An unknown or unset variable and a `${` without `}` are reported. `hide` is told of each environment
 * variable that is part of a confidential text.
 */
export function expansion(system: Host['system'], hide: (name: string) => void = () => undefined): Expand {
  return (text, fail, confidential) =>
    text.replace(/\$\{([^}]*)(\}?)/g, (reference, name: string, end: string) => {
      if (end === '') {
        fail(`found "\${" without "}"; a literal "\${" is written "\${$}{"`);
        return reference;
      }
      const value = lookUp(system, name);
      if (confidential && name.startsWith('env.')) hide(name.slice(4));
      if ('reason' in value) fail(`found ${reference}, ${value.reason}`);
      return 'reason' in value ? reference : value.text;
    });
}

function lookUp(system: Host['system'], name: string): { text: string } | { reason: string } {
  if (name === '$') return { text: '$' };
  if (name === 'hostname') return { text: system.hostName() };
  if (name === 'nodeId') {
    const nodeId = system.nodeId();
    // All devices without a network interface would share one identity, and evict each other at the reflector.
    if (/^0*$/.test(nodeId)) return { reason: 'but no network interface has a hardware address' };
    return { text: nodeId };
  }
  if (name.startsWith('env.')) {
    const value = system.environment(name.slice(4));
    return value === undefined ? { reason: 'but that environment variable is not set' } : { text: value };
  }
  return { reason: 'allowed variables are ${nodeId}, ${hostname}, ${env.NAME} and ${$}' };
}
