import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'ldapts';
import { Authority } from '../../../test/certificates/authority.ts';
import { endProcess } from '../../../test/system/end-process.ts';
import { listens, reservedPort } from '../../../toolchain/loopback-port.mjs';

export const suffix = 'dc=example,dc=com';
export const rootPassword = 'of the manager';

const configuration = (directory: string, certFile: string, keyFile: string) => `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile ${certFile}
TLSCertificateKeyFile ${keyFile}
sizelimit 50
database mdb
maxsize 16777216
suffix "${suffix}"
rootdn "cn=manager,${suffix}"
rootpw "${rootPassword}"
directory ${directory}/data
access to attrs=userPassword by anonymous auth by * none
access to * by * read
`;

/** Times for a directory on a machine that may be busy with much else. */
export const patience = { ldapConnectMs: 60_000, ldapAnswerMs: 60_000 };

/** OpenLDAP's server with entries of its own, as an ordinary user on free ports. */
export class Slapd {
  readonly plain: string;
  readonly tls: string;
  /** The same by name, of which its certificate does not speak. */
  readonly tlsByOtherName: string;
  readonly ca: string;
  readonly #ports: readonly [number, number];
  readonly #directory: string;
  readonly #authority: Authority;
  #child: ChildProcess;

  private constructor(directory: string, authority: Authority, ports: readonly [number, number]) {
    this.#directory = directory;
    this.#authority = authority;
    this.#ports = ports;
    this.plain = `ldap://127.0.0.1:${ports[0]}`;
    this.tls = `ldaps://127.0.0.1:${ports[1]}`;
    this.tlsByOtherName = `ldaps://localhost:${ports[1]}`;
    this.ca = readFileSync(authority.file, 'utf8');
    this.#child = this.#spawn();
  }

  /** `entries`: LDIF below `dc=example,dc=com`, which is there. */
  static async start(entries: string): Promise<Slapd> {
    const directory = mkdtempSync(join(tmpdir(), 'rm-slapd-'));
    mkdirSync(join(directory, 'data'));
    const authority = new Authority();
    const { certFile, keyFile } = authority.issue({ names: 'IP:127.0.0.1' });
    const file = join(directory, 'slapd.conf');
    writeFileSync(file, configuration(directory, certFile, keyFile));
    const base = `dn: ${suffix}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n\n`;
    const { status, stderr } = spawnSync('/usr/sbin/slapadd', ['-f', file], {
      input: `${base}${entries}`,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`slapadd: ${stderr}`);
    const slapd = new Slapd(directory, authority, [await reservedPort(), await reservedPort()]);
    await slapd.#listens();
    return slapd;
  }

  /** Changes entries as the manager. */
  async manage(change: (client: Client) => Promise<void>): Promise<void> {
    const client = new Client({ url: this.plain });
    await client.bind(`cn=manager,${suffix}`, rootPassword);
    await change(client);
    await client.unbind();
  }

  /** Ends the server; its ports refuse connections then. */
  async stop(): Promise<void> {
    await endProcess(this.#child);
  }

  /** Does nothing when it runs. */
  async startAgain(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) return;
    this.#child = this.#spawn();
    await this.#listens();
  }

  async close(): Promise<void> {
    await this.stop();
    this.#authority.remove();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #spawn(): ChildProcess {
    const file = join(this.#directory, 'slapd.conf');
    // With -d it stays in the foreground.
    return spawn('/usr/sbin/slapd', ['-d', '0', '-f', file, '-h', `${this.plain} ${this.tls}`], {
      stdio: 'ignore',
    });
  }

  async #listens(): Promise<void> {
    for (const port of this.#ports) {
      if (!(await listens(port, this.#child))) throw new Error('slapd has ended');
    }
  }
}

export interface TestPerson {
  readonly uid: string;
  readonly password?: string;
  readonly unit?: string;
}

export const person = ({ uid, password, unit = 'people' }: TestPerson) => `dn: uid=${uid},ou=${unit},${suffix}
objectClass: inetOrgPerson
uid: ${uid}
cn: ${uid}
sn: ${uid}
${password === undefined ? '' : `userPassword: ${password}\n`}
`;

export const unit = (name: string) =>
  `dn: ou=${name},${suffix}\nobjectClass: organizationalUnit\nou: ${name}\n\n`;

export const group = (name: string, members: readonly string[]) => `dn: cn=${name},ou=groups,${suffix}
objectClass: groupOfNames
cn: ${name}
${members.map((member) => `member: ${member},${suffix}\n`).join('')}
`;
