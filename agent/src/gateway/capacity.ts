import { utf8Decode } from 'rm-protocol';
import { gatewayLimits, type Limits } from '../config/limits.ts';
import { inMiB, limitsOn, type Memory, memoryCost, readMemory } from '../config/sizing.ts';
import type { Files } from '../host.ts';
import type { GatewayFile } from './gateway-schema.ts';

type ConfiguredLimits = GatewayFile['limits'];

/** The least window that a channel gets when many share the memory, in bytes. */
const LEAST_WINDOW = 16_384;

/** The least that one device may have of the channels. */
const LEAST_CHANNELS = 8;

/** What the devices of a gateway may use. */
export interface Capacity {
  /** Channels of all devices together. */
  readonly channels: number;
  /** For each device: `limits` of its configuration, and bounds that only a gateway lowers. */
  readonly device: ConfiguredLimits & Pick<Limits, 'queueBytes' | 'answerBytes'>;
}

/**
 * Divides the limits of the gateway's file. A channel has a window that all channels can have at once, so that one bound
 * of memory is enough for all tunnels; of the channels no device has more than a quarter.
 */
export function capacityOn(memory: Memory | null, limits: ConfiguredLimits, given: object): Capacity {
  const all = limitsOn(memory, limits, given);
  const { channels, totalBytes } = all;
  let window = LEAST_WINDOW;
  while (2 * window * channels <= totalBytes) window *= 2;
  const windowBytes = 'windowBytes' in given ? all.windowBytes : Math.min(all.windowBytes, window);
  return {
    channels,
    device: {
      ...all,
      windowBytes,
      frameBytes: Math.min(all.frameBytes, windowBytes),
      channels: Math.min(channels, Math.max(LEAST_CHANNELS, Math.ceil(channels / 4))),
      queueBytes: gatewayLimits.queueBytes,
      answerBytes: gatewayLimits.answerBytes,
    },
  };
}

/** What so many devices can cost at most, in bytes and descriptors. `secure`: some have services of kind `https`. */
export function gatewayCost(
  { channels, device }: Capacity,
  devices: number,
  secure: boolean,
  runtime?: number,
): { readonly bytes: number; readonly descriptors: number } {
  const services = secure ? [{ kind: 'https' as const }] : [];
  const { agent } = memoryCost({ limits: { ...device, channels }, services }, runtime);
  const waiting = Math.min(devices, channels) * (device.queueBytes + device.answerBytes);
  return {
    bytes: agent + devices * gatewayLimits.deviceBytes + waiting,
    descriptors: gatewayLimits.otherDescriptors + devices * gatewayLimits.deviceDescriptors + channels,
  };
}

/** What the gateway may need and this machine does not have, one line each. */
export function shortages(
  files: Pick<Files, 'read'>,
  cost: { readonly bytes: number; readonly descriptors: number },
  devices: number,
): string[] {
  const memory = readMemory(files);
  const most = mostDescriptors(files);
  const lines: string[] = [];
  if (memory && cost.bytes > memory.available)
    lines.push(
      `${devices} devices may need up to ${inMiB(cost.bytes)} of memory, and ${inMiB(memory.available)} are available; lower limits.channels`,
    );
  if (most !== null && cost.descriptors > most)
    lines.push(
      `${devices} devices may need up to ${cost.descriptors} descriptors, and the process may open ${most}; raise that (ulimit -n, LimitNOFILE=) or lower limits.channels`,
    );
  return lines;
}

/** `null` where the system does not tell. */
function mostDescriptors(files: Pick<Files, 'read'>): number | null {
  try {
    const text = utf8Decode(files.read('/proc/self/limits', 16_384));
    const [, most] = /^Max open files +(\d+)/m.exec(text) ?? [];
    return most === undefined ? null : Number(most);
  } catch {
    return null;
  }
}
