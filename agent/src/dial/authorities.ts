import type { Host } from '../host.ts';

/** Where distributions keep the authorities that they trust, in the order in which they are looked for. */
export const knownPaths = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Buildroot, Yocto, OpenWrt (ca-bundle), Alpine
  '/etc/ssl/cert.pem', // OpenWrt, Alpine
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // Fedora
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem', // SUSE
  '/etc/ssl/certs', // a directory: OpenWrt (ca-certificates), Yocto, Buildroot
  '/usr/share/ca-certificates/mozilla', // what they are copied from
] as const;

type Machine = Pick<Host, 'files' | 'system' | 'network'>;

/** `path` is `null` for those that the host brings itself; `description` is for people. */
export interface Authorities {
  readonly path: string | null;
  readonly description: string;
}

/**
 * The authorities to trust: those of `tls.ca`, else of `SSL_CERT_FILE` or `SSL_CERT_DIR` (as OpenSSL has them, but one
 * of the two and one directory), else of the first place of the system that has any, else the host's own.
 */
export function findAuthorities(
  machine: Machine,
  ca: string | null,
): Authorities | { readonly error: string } {
  if (ca !== null) return { path: ca, description: `${ca} (tls.ca)` };
  for (const name of ['SSL_CERT_FILE', 'SSL_CERT_DIR']) {
    const path = machine.system.environment(name) ?? '';
    if (path === '') continue;
    if (hasCertificates(machine, path)) return { path, description: `${path} (${name})` };
    return { error: `${name}: no trusted certificates at ${path}` };
  }
  const path = knownPaths.find((place) => hasCertificates(machine, place));
  if (path !== undefined) return { path, description: `${path} (of the system)` };
  const { ownAuthorities } = machine.network;
  const nowhere = `none at ${knownPaths.join(', ')}`;
  if (ownAuthorities !== undefined) return { path: null, description: `${ownAuthorities}; ${nowhere}` };
  return { error: `no trusted certificates on this system: ${nowhere}; see tls.ca` };
}

/** A directory counts only with certificates in it: OpenSSL's is often there, and empty. */
function hasCertificates({ files }: Machine, path: string): boolean {
  try {
    const found = files.stat(path);
    if (found?.kind === 'directory')
      return files.list(path).some((name) => /\.(?:pem|crt|cer|\d)$/.test(name));
    return found !== null && found.size > 0;
  } catch {
    return false;
  }
}
