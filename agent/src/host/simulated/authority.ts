import { spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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

const newKey = (curve: string) => [
  ...['-batch', '-nodes', '-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`],
];

export interface IssueOptions {
  /** As OpenSSL's `-addext` takes them. */
  readonly extensions?: readonly string[];
  readonly digest?: string;
  readonly curve?: string;
  readonly name?: string;
  /** Years. */
  readonly from?: number;
  readonly until?: number;
}

/** PEM files. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certification authority for tests, made by the openssl program in a directory of its own. */
export class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), 'rm-authority-'));
  readonly certificate = join(this.directory, 'ca.pem');

  /** Signs itself for `days`, unless another authority does. */
  constructor(signedBy?: { readonly authority: Authority; readonly options: IssueOptions }, days = 9) {
    writeFileSync(join(this.directory, 'ca.cnf'), configuration);
    writeFileSync(join(this.directory, 'index.txt'), '');
    writeFileSync(join(this.directory, 'serial'), '01\n');
    if (signedBy) {
      const { certificate, key } = signedBy.authority.issue('', 2020, 2049, {
        extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign'],
        ...signedBy.options,
      });
      renameSync(certificate, this.certificate);
      renameSync(key, join(this.directory, 'ca.key'));
    } else {
      const self = ['-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test', '-days', String(days)];
      this.#openssl('req', '-x509', ...newKey('P-256'), ...self);
    }
  }

  /** An authority that this one has signed. */
  intermediate(options: IssueOptions = {}): Authority {
    return new Authority({ authority: this, options });
  }

  /** A certificate for the subject alternative names as OpenSSL writes them, valid from year to year. */
  issue(names: string, from = 2020, until = 2049, options: IssueOptions = {}): Certificate {
    const name = options.name ?? `c${Math.random().toString(36).slice(2)}`;
    const extensions = [...(names === '' ? [] : [`subjectAltName=${names}`]), ...(options.extensions ?? [])];
    const request = ['-subj', `/CN=${name}`, ...extensions.flatMap((one) => ['-addext', one])];
    const key = ['-keyout', `${name}.key`, '-out', `${name}.csr`];
    this.#openssl('req', ...newKey(options.curve ?? 'P-256'), ...key, ...request);
    const years = [options.from ?? from, options.until ?? until];
    const validity = ['-startdate', `${years[0]}0101000000Z`, '-enddate', `${years[1]}0101000000Z`];
    const issuer = ['-config', 'ca.cnf', '-keyfile', 'ca.key', '-cert', 'ca.pem'];
    const digest = ['-md', options.digest ?? 'sha256'];
    const files = ['-in', `${name}.csr`, '-out', `${name}.pem`];
    this.#openssl('ca', '-batch', '-notext', ...issuer, ...digest, ...files, ...validity);
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
