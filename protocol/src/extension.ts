import { ProtocolError } from './errors.ts';

/** Our extension of the protocol (`webtunnel.md` section 5), carried in this header both ways. */
export const EXTENSION_HEADER = 'X-WebTunnel-Extensions';

/** What one side offers, or what is in force. Sizes in payload bytes, 1 to 2^31-1. */
export interface Extension {
  /** The largest data payload that either side may put in one frame. */
  readonly maxFrame: number;
  /** Credit of each channel and direction at its start; neither side ever holds more of a channel. */
  readonly window: number;
}

export function encodeExtension(extension: Extension): string {
  return `max-frame=${extension.maxFrame}, window=${extension.window}`;
}

/**
 * Reads the header. Names this version does not know are left alone; `null` when one of ours is missing, for then
 * the extension is not in force. Throws `RM_EXTENSION` for a value that is not a number in range.
 */
export function decodeExtension(header: string): Extension | null {
  let maxFrame: number | null = null;
  let window: number | null = null;
  for (const item of header.split(',')) {
    const [name = '', value = ''] = item.split('=', 2).map((part) => part.trim());
    if (name !== 'max-frame' && name !== 'window') continue;
    const size = /^\d{1,10}$/.test(value) ? Number(value) : 0;
    if (size < 1 || size > 0x7fffffff) {
      throw new ProtocolError('RM_EXTENSION', `${name}=${value}: must be a number from 1 to 2147483647`);
    }
    if (name === 'window') window = size;
    else maxFrame = size;
  }
  return maxFrame !== null && window !== null ? { maxFrame, window } : null;
}

/** What is in force between two offers: the smaller of each value. */
export function agree(ours: Extension, theirs: Extension): Extension {
  return {
    maxFrame: Math.min(ours.maxFrame, theirs.maxFrame),
    window: Math.min(ours.window, theirs.window),
  };
}
