import { join } from 'node:path';
import { type KeyKind, newKey, openssl } from './openssl.ts';

export interface SelfSignedOptions {
  /** As OpenSSL writes subject alternative names. */
  readonly names?: string;
  readonly key?: KeyKind;
  /** Further extensions, as OpenSSL's `-addext` takes them. */
  readonly extensions?: readonly string[];
  /** What the files are called, without `.pem` and `.key`. */
  readonly file?: string;
}

/** PEM files, in `directory`, of a certificate that has signed itself and is valid for two days. */
export function selfSigned(
  directory: string,
  name: string,
  { names, key = 'ec', extensions = [], file = name }: SelfSignedOptions = {},
): { readonly cert: string; readonly key: string } {
  const paths = { cert: join(directory, `${file}.pem`), key: join(directory, `${file}.key`) };
  const added = [...(names === undefined ? [] : [`subjectAltName=${names}`]), ...extensions];
  const request = ['req', '-x509', '-batch', ...newKey[key], '-nodes', '-days', '2', '-subj', `/CN=${name}`];
  const more = added.flatMap((extension) => ['-addext', extension]);
  openssl([...request, ...more, '-keyout', paths.key, '-out', paths.cert], directory);
  return paths;
}
