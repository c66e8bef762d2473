import { utf8DecodeStrict } from 'rm-protocol';
import type { Host, HostFailure } from '../host.ts';
import type { Secret } from './configuration.ts';

/** A key of 4,096 bits in PEM has 3.3 KB; a secret that is longer is the wrong file. */
const maxSecretBytes = 4096;

export type SecretResult = { readonly text: string } | { readonly error: string };

/**
 * The secret as it is now: call it for each use, so that a changed file or variable counts. One line break at the end
 * of a file is not part of the secret. The error is one line for a person, without the secret.
 */
export function readSecret(secret: Secret, host: Pick<Host, 'files' | 'system'>): SecretResult {
  if (typeof secret === 'string') return checked(secret, 'the secret');
  if ('env' in secret) {
    const text = host.system.environment(secret.env);
    if (text === undefined) return { error: `the environment variable ${secret.env} is not set` };
    return checked(text, `the environment variable ${secret.env}`);
  }
  let bytes: Uint8Array;
  try {
    bytes = host.files.read(secret.file, maxSecretBytes);
  } catch (error) {
    return { error: `the secret file ${secret.file} cannot be read: ${(error as HostFailure).message}` };
  }
  const text = utf8DecodeStrict(bytes);
  if (text === null) return { error: `the secret file ${secret.file} is not UTF-8 text` };
  const line = text.replace(/\r?\n$/, '');
  // Most likely one that is still to be written.
  if (line === '') return { error: `the secret file ${secret.file} is empty` };
  return checked(line, `the secret file ${secret.file}`);
}

/** Control characters cannot be part of credentials (RFC 7617 section 2). */
function checked(text: string, where: string): SecretResult {
  return /[\x00-\x1f\x7f]/.test(text) ? { error: `${where} holds a control character` } : { text };
}
