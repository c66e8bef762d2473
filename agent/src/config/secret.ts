import type { Host } from '../host.ts';
import type { Secret } from './configuration.ts';
import { readTextFile } from './text-file.ts';

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
  const file = readTextFile(host.files, secret.file);
  if ('reason' in file) return { error: `the secret file ${secret.file} ${file.reason}` };
  return checked(file.text, `the secret file ${secret.file}`);
}

/** Control characters cannot be part of credentials (RFC 7617 section 2). */
function checked(text: string, where: string): SecretResult {
  return /[\x00-\x1f\x7f]/.test(text) ? { error: `${where} holds a control character` } : { text };
}
