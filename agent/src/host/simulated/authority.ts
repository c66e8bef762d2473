import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const configuration = `
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

const newKey = ['-batch', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

/** PEM files. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certification authority for tests, made by the openssl program in a directory of its own. */
export class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), 'rm-authority-'));
  readonly certificate = join(this.directory, 'ca.pem');

  constructor() {
    writeFileSync(join(this.directory, 'ca.cnf'), configuration);
    writeFileSync(join(this.directory, 'index.txt'), '');
    writeFileSync(join(this.directory, 'serial'), '01\n');
    this.#openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-subj',
      '/CN=Test',
      '-days',
      '9',
    );
  }

  /** A certificate for the subject alternative names as OpenSSL writes them, valid from year to year. */
  issue(names: string, from = 2020, until = 2049): Certificate {
    const name = `c${Math.random().toString(36).slice(2)}`;
    const alternatives = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`];
    this.#openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, ...alternatives);
    const validity = ['-startdate', `${from}0101000000Z`, '-enddate', `${until}0101000000Z`];
    const issuer = ['-config', 'ca.cnf', '-keyfile', 'ca.key', '-cert', 'ca.pem'];
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
    return { certificate: join(this.directory, `${name}.pem`), key: join(this.directory, `${name}.key`) };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }

  #openssl(...args: string[]): void {
    const { status, stderr, error } = spawnSync('openssl', args, { cwd: this.directory, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${error?.message ?? stderr}`);
  }
}
