import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
`;

const keys = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:2048'],
};

export interface CertificateOptions {
  readonly key?: keyof typeof keys;
  /** As OpenSSL writes subject alternative names. */
  readonly names?: string;
  /** `YYYYMMDDHHMMSSZ`. */
  readonly from?: string;
  readonly until?: string;
}

export interface Certificate {
  /** PEM files. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** A certification authority of the tests' own, kept by the openssl program in a directory of its own. */
export class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), 'rm-authority-'));
  /** PEM file of the authority's own certificate. */
  readonly file = join(this.directory, 'ca.pem');
  /** How it signs certificates. */
  readonly #signature: readonly string[];
  #issued = 0;

  /** With `rsa-pss` it has an RSA key and signs as RFC 4055 says; otherwise it signs with ECDSA. */
  constructor(signature: 'ecdsa' | 'rsa-pss' = 'ecdsa') {
    const key = signature === 'ecdsa' ? keys.ec : keys.rsa;
    this.#signature = signature === 'ecdsa' ? [] : ['-sigopt', 'rsa_padding_mode:pss'];
    writeFileSync(join(this.directory, 'ca.cnf'), caConfiguration);
    writeFileSync(join(this.directory, 'index.txt'), '');
    writeFileSync(join(this.directory, 'serial'), '01\n');
    const subject = ['-subj', '/CN=Test authority', '-days', '30'];
    this.#openssl(
      'req',
      '-x509',
      '-batch',
      ...key,
      ...this.#signature,
      '-nodes',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      ...subject,
    );
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
    const name = `certificate-${++this.#issued}`;
    const names = `subjectAltName=${options.names ?? 'IP:127.0.0.1'}`;
    const request = ['-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-addext', names];
    this.#openssl('req', '-batch', ...keys[options.key ?? 'ec'], ...request, '-subj', `/CN=${name}`);
    const validity = [
      '-startdate',
      options.from ?? '20200101000000Z',
      '-enddate',
      options.until ?? '20491231000000Z',
    ];
    const issuer = [...this.#signature, '-config', 'ca.cnf', '-keyfile', 'ca.key', '-cert', 'ca.pem'];
    this.#openssl(
      'ca',
      '-batch',
      '-notext',
      ...issuer,
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.pem`,
      ...validity,
    );
    const certFile = join(this.directory, `${name}.pem`);
    const keyFile = join(this.directory, `${name}.key`);
    return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #openssl(...args: string[]): void {
    const { status, stderr, error } = spawnSync('openssl', args, { cwd: this.directory, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${error?.message ?? stderr}`);
  }
}
