import type { Host } from '../host.ts';
import type { Secret } from './configuration.ts';
import { readTextFile } from './text-file.ts';

/** Where systemd puts what only root can read, for the service alone (systemd.exec(5), LoadCredential=). */
const CREDENTIALS = 'CREDENTIALS_DIRECTORY';

export type SecretResult = { readonly text: string } | { readonly error: string };

/**
 * The secret as it is now: call it for each use, so that a changed file or variable counts. One line break at the end
 * of a file is not part of the secret. A file that yields nothing is looked for under its own name among the credentials of the
 * service. The error is one line for a person, without the secret.
 */
export function readSecret(secret: Secret, host: Pick<Host, 'files' | 'system'>): SecretResult {
  if (typeof secret === 'string') return checked(secret, 'the secret');
  if ('env' in secret) {
    const text = host.system.environment(secret.env);
    if (text === undefined) return { error: `the environment variable ${secret.env} is not set` };
    return checked(text, `the environment variable ${secret.env}`);
  }
  const file = readTextFile(host.files, secret.file);
  const where = `the secret file ${secret.file}`;
  if ('text' in file) return checked(file.text, where);
  const credentials = host.system.environment(CREDENTIALS);
  const credential =
    credentials && readTextFile(host.files, credentials + secret.file.slice(secret.file.lastIndexOf('/')));
  if (credential && 'text' in credential) return checked(credential.text, where);
  return { error: `${where} ${file.reason}` };
}

/** Control characters cannot be part of credentials (RFC 7617 section 2). */
function checked(text: string, where: string): SecretResult {
  return /[\x00-\x1f\x7f]/.test(text) ? { error: `${where} holds a control character` } : { text };
}
