import { agree, decodeExtension, EXTENSION_HEADER, type Extension, ProtocolError } from 'rm-protocol';
import type { Limits } from '../config/limits.ts';
import type { Upgraded } from '../link/attempt.ts';
import { offer } from './attempt-settings.ts';

/** What reflector and agent have agreed on by the upgrade (`webtunnel.md` sections 1 and 5). */
export interface Agreement {
  readonly extension: Extension | null;
  /** The keep-alive time that the reflector asks for, in milliseconds, or `null`. */
  readonly keepAliveMs: number | null;
}

/** Reads the reflector's answer; `strange` is told of an extension that cannot be read, which is left alone. */
export function agreementOf(
  { response }: Upgraded,
  limits: Limits,
  strange: (what: string) => void,
): Agreement {
  const value = response.headers.get('X-WebTunnel-KeepAlive') ?? '';
  const seconds = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  const keepAliveMs = seconds >= 1 && seconds <= 86_400 ? seconds * 1000 : null;
  let extension: Extension | null = null;
  try {
    const answer = decodeExtension(response.headers.get(EXTENSION_HEADER) ?? '');
    extension = answer && agree(offer(limits), answer);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    strange(`the reflector's ${EXTENSION_HEADER} is left alone: ${error.message}`);
  }
  return { extension, keepAliveMs };
}
