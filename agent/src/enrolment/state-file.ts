import { utf8Decode, utf8Encode } from 'rm-protocol';
import type { Files } from '../host.ts';

/** What `rm-agent enable --persist` and `disable --persist` leave for the next start. */
export type Persisted = 'enabled' | 'disabled';

/** What the agent keeps over its end. */
export interface State {
  readonly persisted: Persisted | null;
  /** What the device has made up for its enrolment: text without spaces. */
  readonly secret: string | null;
  /** Whom the server has made of this device. */
  readonly enrolled: {
    /** `ID@DOMAIN`. */
    readonly user: string;
    /** The hardware that it has enrolled with, as `identity.ts` has it. */
    readonly hardware: string;
    /** When the certificate is to be renewed, in Unix milliseconds; 0 without one. */
    readonly renewAt: number;
  } | null;
  /** Private key and certificates of the device, PEM (RFC 7468): TLS reads them from the state file itself. */
  readonly pem: string;
}

export const noState: State = { persisted: null, secret: null, enrolled: null, pem: '' };

/** More than a key and a chain of certificates have, in bytes; that of the hosts' TLS is the same. */
const MAX_BYTES = 65_536;

/**
 * One fact a line, `enabled`, `secret TEXT`, `device USER HARDWARE RENEWAL`, and behind them PEM, whose readers pass over text
 * before it. Throws a `HostFailure` when the file cannot be read, and an error when it is none of ours.
 */
export function readState(files: Files, path: string | null): State {
  if (path === null || files.stat(path) === null) return noState;
  const text = utf8Decode(files.read(path, MAX_BYTES));
  const at = text.indexOf('-----BEGIN ');
  let state: State = { ...noState, pem: at < 0 ? '' : text.slice(at).trim() };
  for (const line of (at < 0 ? text : text.slice(0, at)).split('\n')) {
    const [word, first, hardware, renewAt] = line.trim().split(' ');
    if (word === 'enabled' || word === 'disabled') state = { ...state, persisted: word };
    else if (word === 'secret' && first) state = { ...state, secret: first };
    else if (word === 'device' && first && hardware)
      state = { ...state, enrolled: { user: first, hardware, renewAt: Number(renewAt) } };
    else if (word !== '') throw new Error('allowed is "enabled" or "disabled"');
  }
  return state;
}

/** Changes some of what is kept, at once or not at all. Throws as {@link readState}, and when it cannot be written. */
export function changeState(files: Files, path: string, change: Partial<State>): State {
  const state = { ...readState(files, path), ...change };
  const { persisted, secret, enrolled, pem } = state;
  const lines = [
    persisted ?? '',
    secret && `secret ${secret}`,
    enrolled && `device ${enrolled.user} ${enrolled.hardware} ${enrolled.renewAt}`,
    pem,
  ];
  files.writeAtomically(path, utf8Encode(`${lines.filter(Boolean).join('\n')}\n`));
  return state;
}
