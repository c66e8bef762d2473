import { gatewayLimits } from '../config/limits.ts';
import type { Host } from '../host.ts';
import { isObject, readSource } from './source.ts';

/** Whether the file is a gateway's, even if it is broken. A pipe can be read once only, by whoever configures an agent by it. */
export function isGatewayFile(host: Host, path: string): boolean {
  if (host.files.stat(path)?.kind !== 'file') return false;
  const source = readSource(host.files, path, gatewayLimits.ownFileBytes);
  if ('json' in source) return isObject(source.json) && source.json.gateway !== undefined;
  try {
    const text = Array.from(host.files.read(path, gatewayLimits.ownFileBytes), (byte) =>
      String.fromCharCode(byte),
    ).join('');
    return /^[ \t]*"gateway"\s*:\s*\{/m.test(text);
  } catch {
    return false;
  }
}
