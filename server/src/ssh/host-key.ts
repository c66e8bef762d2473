import { readStrings } from './strings.ts';

/** The public key of a server. */
export interface ServerKey {
  /** As in a file of OpenSSH: type and base64. */
  readonly key: string;
  /** Such as `ssh-ed25519`. */
  readonly type: string;
  /** SHA256, as OpenSSH shows it. */
  readonly fingerprint: string;
}

const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

export async function serverKeyOf(bytes: Uint8Array): Promise<ServerKey> {
  const [name] = readStrings(bytes);
  const type = new TextDecoder().decode(name);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.slice()));
  return {
    key: `${type} ${base64(bytes)}`,
    type,
    fingerprint: `SHA256:${base64(hash).replace(/=+$/, '')}`,
  };
}

/** What is to be thought of the key of a server. */
export type Verdict = 'known' | 'new' | 'changed';

/** `known`: the one that is remembered; `null`: none. */
export function judge(key: Pick<ServerKey, 'key'>, known: string | null): Verdict {
  if (known === null) return 'new';
  return known === key.key ? 'known' : 'changed';
}
