import { ProtocolError } from './errors.ts';
import type { HeaderFields } from './http-head.ts';

/** Whole seconds, in both directions. */
export const KEEP_ALIVE_HEADER = 'X-WebTunnel-KeepAlive';
/** Our extension of the protocol, in both directions. */
export const EXTENSION_HEADER = 'X-WebTunnel-Extensions';

/** Sizes in payload bytes, 1 to 2^31-1. */
export interface Extension {
  /** The largest data payload that either side may put in one frame. */
  readonly maxFrame: number;
  /** Credit of each channel and direction at its start; neither side ever holds more of a channel. */
  readonly window: number;
}

/** What one end answers, or what is in force. */
export interface Terms {
  /** The silence after which a PING is sent, in whole seconds. */
  readonly keepAlive: number;
  /** `null`: one end does not know it, and sections 1 to 3 of `webtunnel.md` hold unchanged. */
  readonly extension: Extension | null;
}

/** What one end wants, if the other agrees. */
export interface Offer extends Terms {
  readonly extension: Extension;
}

type Field = readonly [name: string, value: string];

/** The header fields of an offer or an answer. */
export function encodeTerms({ keepAlive, extension }: Terms): readonly [Field, ...Field[]] {
  const first: Field = [KEEP_ALIVE_HEADER, `${keepAlive}`];
  return extension
    ? [first, [EXTENSION_HEADER, `max-frame=${extension.maxFrame}, window=${extension.window}`]]
    : [first];
}

/**
 * The reflector's answer to the other end's headers: the smaller of each value. It leaves out an extension with less than
 * `least`, and one that is not offered. Throws `RM_EXTENSION`.
 */
export function answerOffer(ours: Offer, theirs: Pick<HeaderFields, 'get'>, least: Extension): Terms {
  const extension = negotiateExtension(ours, theirs);
  return {
    keepAlive: Math.min(decodeKeepAlive(theirs) ?? ours.keepAlive, ours.keepAlive),
    extension:
      extension && extension.maxFrame >= least.maxFrame && extension.window >= least.window
        ? extension
        : null,
  };
}

/**
 * What is in force for the end that has offered `ours`: the reflector's keep-alive time, if it says any, and the smaller of
 * each value of the extension. One that cannot be read is not in force; `unreadable` is told why, and may throw.
 */
export function acceptAnswer(
  ours: Offer,
  answer: Pick<HeaderFields, 'get'>,
  unreadable: (error: ProtocolError) => void,
): Terms {
  let extension: Extension | null = null;
  try {
    extension = negotiateExtension(ours, answer);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    unreadable(error);
  }
  return { keepAlive: decodeKeepAlive(answer) ?? ours.keepAlive, extension };
}

/** 1 to 86,400 seconds; `null` for anything else. */
function decodeKeepAlive(headers: Pick<HeaderFields, 'get'>): number | null {
  const value = headers.get(KEEP_ALIVE_HEADER) ?? '';
  const seconds = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  return seconds >= 1 && seconds <= 86_400 ? seconds : null;
}

/**
 * Reads the value of the header. Names that this version does not know are left alone; `null` without both of ours, for then
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

function negotiateExtension(
  { extension: ours }: Offer,
  headers: Pick<HeaderFields, 'get'>,
): Extension | null {
  const theirs = decodeExtension(headers.get(EXTENSION_HEADER) ?? '');
  return (
    theirs && {
      maxFrame: Math.min(ours.maxFrame, theirs.maxFrame),
      window: Math.min(ours.window, theirs.window),
    }
  );
}
