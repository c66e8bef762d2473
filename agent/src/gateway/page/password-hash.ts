import { base64Decode, base64Encode, utf8Encode } from 'rm-protocol';
import type { Cancellable, Host } from '../../host.ts';
import { sameText } from './constant-time.ts';
import { Hmac } from './hmac.ts';
import { pageLimits } from './limits.ts';

/**
 * Passwords as PBKDF2 (RFC 8018 section 5.2) with HMAC-SHA-256 stores them: `pbkdf2-sha256$ROUNDS$SALT$KEY`, with 16 bytes
 * of salt and 32 of key in base64. Both hosts have SHA-256, and no memory-hard function.
 */

type Machine = Pick<Host, 'clock' | 'crypto'>;

const format = /^pbkdf2-sha256\$([1-9]\d{0,6})\$([A-Za-z0-9+/]{22}==)\$([A-Za-z0-9+/]{43}=)$/;

/** Whether this is such a text, with no more rounds than are accepted. */
export function isPasswordHash(text: string): boolean {
  return Number(format.exec(text)?.[1]) <= pageLimits.mostRounds;
}

/** Makes the text to store; `done` is called once, never from within this call. */
export function hashPassword(
  machine: Machine,
  password: string,
  rounds: number,
  done: (hash: string) => void,
): Cancellable {
  const salt = new Uint8Array(16);
  machine.crypto.random(salt);
  return derive(machine, password, salt, rounds, (key) =>
    done(`pbkdf2-sha256$${rounds}$${base64Encode(salt)}$${base64Encode(key)}`),
  );
}

/** Whether a password is the one that was stored; `done` is called once, never from within this call. */
export function verifyPassword(
  machine: Machine,
  password: string,
  hash: string,
  done: (right: boolean) => void,
): Cancellable {
  const [, rounds = '', salt = '', key = ''] = format.exec(hash) ?? [];
  const bytes = base64Decode(salt);
  if (!bytes || !isPasswordHash(hash)) return machine.clock.schedule(0, () => done(false));
  return derive(machine, password, bytes, Number(rounds), (found) =>
    done(sameText(base64Encode(found), key)),
  );
}

/** The first block of PBKDF2, which is the whole key, some rounds in each turn of the loop. */
function derive(
  { clock, crypto }: Machine,
  password: string,
  salt: Uint8Array,
  rounds: number,
  done: (key: Uint8Array) => void,
): Cancellable {
  const secret = utf8Encode(password);
  const first = new Uint8Array(salt.length + 4);
  first.set(salt);
  first[first.length - 1] = 1;
  const hmac = new Hmac(crypto, 'sha-256', secret, 32);
  let last = new Hmac(crypto, 'sha-256', secret, first.length).of(first);
  const key = last.slice();
  let left = rounds - 1;
  const go = () => {
    const until = Math.max(0, left - pageLimits.roundsAtOnce);
    for (; left > until; left--) {
      last = hmac.of(last);
      for (let at = 0; at < key.length; at++) key[at] = (key[at] ?? 0) ^ (last[at] ?? 0);
    }
    if (left > 0) timer = clock.schedule(0, go);
    else done(key);
  };
  let timer = clock.schedule(0, go);
  return { cancel: () => timer.cancel() };
}
