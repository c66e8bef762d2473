import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KeyKind, newKey, openssl } from './openssl.ts';

const caConfiguration = `
[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = policy
unique_subject = no
copy_extensions = copy
[policy]
commonName = supplied
emailAddress = optional
`;

export interface CertificateOptions {
  readonly key?: KeyKind;
  /** As OpenSSL writes subject alternative names; `null`: none. */
  readonly names?: string | null;
  /** Further extensions, as OpenSSL's `-addext` takes them. */
  readonly extensions?: readonly string[];
  /** The common name; other attributes of the subject may follow: `name/emailAddress=x@y`. */
  readonly name?: string;
  /** `YYYYMMDDHHMMSSZ`, or a year, at whose beginning. */
  readonly from?: string | number;
  readonly until?: string | number;
  /** With which the authority signs. */
  readonly digest?: string;
}

export interface Certificate {
  /** PEM files. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** How many were issued, by all authorities: no two certificates have one name, nor do a certificate and its issuer. */
let issued = 0;

const time = (at: string | number) => (typeof at === 'number' ? `${at}0101000000Z` : at);

/** A certification authority of the tests' own, kept by the openssl program in a directory of its own. */
export class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), 'rm-authority-'));
  /** PEM file of the authority's own certificate. */
  readonly file = join(this.directory, 'ca.pem');
  /** How it signs certificates. */
  readonly #signature: readonly string[];
  /** What a certificate of this authority is shown with. */
  #chain = '';

  /**
   * With `rsa-pss` it has an RSA key and signs as RFC 4055 says; otherwise it signs with ECDSA. Signs itself for `days`,
   * unless it is given a certificate of another authority.
   */
  constructor(signature: 'ecdsa' | 'rsa-pss' = 'ecdsa', days = 30, own: Certificate | null = null) {
    const key = signature === 'ecdsa' ? newKey.ec : newKey.rsa;
    this.#signature = signature === 'ecdsa' ? [] : ['-sigopt', 'rsa_padding_mode:pss'];
    writeFileSync(join(this.directory, 'ca.cnf'), caConfiguration);
    writeFileSync(join(this.directory, 'index.txt'), '');
    writeFileSync(join(this.directory, 'serial'), '01\n');
    if (own) {
      writeFileSync(join(this.directory, 'ca.key'), own.key);
      writeFileSync(this.file, own.cert);
      return;
    }
    const files = ['-nodes', '-keyout', 'ca.key', '-out', 'ca.pem'];
    const subject = ['-subj', '/CN=Test authority', '-days', String(days)];
    this.#openssl('req', '-x509', '-batch', ...key, ...this.#signature, ...files, ...subject);
  }

  /** An authority that this one has signed; `issue` gives its certificate along with each of its own. */
  intermediate(options: CertificateOptions = {}): Authority {
    const extensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign'];
    const authority = new Authority('ecdsa', 0, this.issue({ extensions, ...options }));
    authority.#chain = readFileSync(authority.file, 'utf8') + this.#chain;
    return authority;
  }

  /** Another certificate of the authority itself, with the same name and key. */
  again({ from = 2020, until = 2049 }: CertificateOptions): string {
    const name = 'again.pem';
    const request = ['-new', '-batch', '-key', 'ca.key', '-subj', '/CN=Test authority', '-out', 'again.csr'];
    this.#openssl('req', ...request, '-addext', 'basicConstraints=critical,CA:TRUE');
    const own = ['-config', 'ca.cnf', '-keyfile', 'ca.key', '-selfsign', '-in', 'again.csr', '-out', name];
    this.#openssl('ca', '-batch', '-notext', ...own, '-startdate', time(from), '-enddate', time(until));
    return readFileSync(join(this.directory, name), 'utf8');
  }

  /** The authority's own certificate. */
  caPem(): string {
    return readFileSync(this.file, 'utf8');
  }

  /** A directory that holds the authority's certificate and nothing else. */
  caDirectory(): string {
    const path = join(this.directory, 'trusted');
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'test-authority.pem'), readFileSync(this.file));
    return path;
  }

  /** Issues a certificate; for the address of the tests and valid now unless told otherwise. */
  issue(options: CertificateOptions = {}): Certificate {
    const name = `certificate-${++issued}`;
    const { names = 'IP:127.0.0.1' } = options;
    const extensions = [
      ...(names === null ? [] : [`subjectAltName=${names}`]),
      ...(options.extensions ?? []),
    ];
    const request = ['-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`];
    const subject = [
      '-subj',
      `/CN=${options.name ?? name}`,
      ...extensions.flatMap((one) => ['-addext', one]),
    ];
    this.#openssl('req', '-batch', ...newKey[options.key ?? 'ec'], ...request, ...subject);
    const from = ['-startdate', time(options.from ?? 2020)];
    const until = ['-enddate', time(options.until ?? 2049)];
    const issuer = [...this.#signature, '-config', 'ca.cnf', '-keyfile', 'ca.key', '-cert', 'ca.pem'];
    const files = ['-md', options.digest ?? 'sha256', '-in', `${name}.csr`, '-out', `${name}.pem`];
    this.#openssl('ca', '-batch', '-notext', ...issuer, ...files, ...from, ...until);
    const certFile = join(this.directory, `${name}.pem`);
    const keyFile = join(this.directory, `${name}.key`);
    const cert = readFileSync(certFile, 'utf8') + this.#chain;
    writeFileSync(certFile, cert);
    return { certFile, keyFile, cert, key: readFileSync(keyFile, 'utf8') };
  }

  /** The key of a certificate, under a password, in a file of its own. */
  encryptedKey({ keyFile }: Certificate, format: 'pkcs8' | 'traditional'): string {
    const path = `${keyFile}.${format}`;
    const password = ['-aes128', '-passout', 'pass:secret'];
    if (format === 'pkcs8') this.#openssl('pkey', '-in', keyFile, '-out', path, ...password);
    else this.#openssl('ec', '-in', keyFile, '-out', path, ...password);
    return path;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #openssl(...args: string[]): void {
    openssl(args, this.directory);
  }
}
