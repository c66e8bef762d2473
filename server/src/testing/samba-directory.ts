import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Attribute, Change, Client } from 'ldapts';
import { Authority } from '../../../test/certificates/authority.ts';

/** Its ports, 389 and 636, are those of root. */
export const canServeDirectory = process.getuid?.() === 0;

export const base = 'DC=example,DC=test';
const administrator = { name: 'administrator@example.test', password: 'Kettle-orbit-7' };
const users = `CN=Users,${base}`;

/** Values of `userAccountControl` ([MS-ADTS] section 2.2.16). */
const normalAccount = 0x200;
const switchedOff = 0x2;
const passwordNeverExpires = 0x10000;

const run = promisify(execFile);

/** With the control that lets Samba's own tools set what only passwords change. */
const changeDatabase = `
import sys
from samba.auth import system_session
from samba.dsdb import DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID
from samba.param import LoadParm
from samba.samdb import SamDB
configuration, database, entry = sys.argv[1:]
samdb = SamDB(database, session_info=system_session(), lp=LoadParm(configuration))
samdb.modify_ldif(entry, ['local_oid:%s:0' % DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID])
`;

import { endProcess } from '../../../test/system/end-process.ts';

export type Account = 'on' | 'off' | 'password expires';

const controls: Readonly<Record<Account, number>> = {
  on: normalAccount | passwordNeverExpires,
  off: normalAccount | passwordNeverExpires | switchedOff,
  'password expires': normalAccount,
};

/** The domain `example.test` of Active Directory, kept by Samba on an address of the loopback that nobody else has. */
export class SambaDirectory {
  readonly address: string;
  /** PEM file. */
  readonly ca: string;
  readonly #directory: string;
  readonly #authority: Authority;
  #child: ChildProcess | null = null;

  private constructor(directory: string, authority: Authority, address: string) {
    this.#directory = directory;
    this.#authority = authority;
    this.address = address;
    this.ca = authority.file;
  }

  static async start(): Promise<SambaDirectory> {
    const directory = mkdtempSync(join(tmpdir(), 'rm-samba-'));
    const byte = () => 1 + Math.floor(Math.random() * 254);
    const address = `127.${byte()}.${byte()}.${byte()}`;
    const authority = new Authority();
    const samba = new SambaDirectory(directory, authority, address);
    try {
      await samba.#provision();
      await samba.startAgain();
    } catch (error) {
      await samba.close();
      throw error;
    }
    return samba;
  }

  get tls(): string {
    return `ldaps://${this.address}`;
  }

  get plain(): string {
    return `ldap://${this.address}`;
  }

  async addUser(name: string, password: string, account: Account = 'on'): Promise<void> {
    await this.#manage(async (client) => {
      const dn = userDn(name);
      await client.add(dn, {
        objectClass: ['top', 'person', 'organizationalPerson', 'user'],
        sAMAccountName: name,
        userPrincipalName: `${name}@example.test`,
      });
      // [MS-ADTS] section 3.1.1.3.1.5.1
      const quoted = Buffer.from(`"${password}"`, 'utf16le');
      await client.modify(dn, replace('unicodePwd', quoted));
    });
    await this.setAccount(name, account);
  }

  async setAccount(name: string, account: Account): Promise<void> {
    await this.#manage((client) =>
      client.modify(userDn(name), replace('userAccountControl', String(controls[account]))),
    );
  }

  /** The next log-in must set another one. */
  async endPassword(name: string): Promise<void> {
    await this.#manage((client) => client.modify(userDn(name), replace('pwdLastSet', '0')));
  }

  /** The password is one of 2012, and passwords are good for 42 days. Nobody may say so over LDAP. */
  async agePassword(name: string): Promise<void> {
    const inTicks = '130000000000000000';
    const entry = `dn: ${userDn(name)}\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: ${inTicks}\n`;
    const database = join(this.#directory, 'domain/private/sam.ldb');
    await run('/usr/bin/python3', ['-c', changeDatabase, this.#configuration, database, entry]);
  }

  async addGroup(name: string, members: readonly string[]): Promise<void> {
    await this.#manage((client) =>
      client.add(groupDn(name), {
        objectClass: ['top', 'group'],
        sAMAccountName: name,
        member: [...members],
      }),
    );
  }

  /** Refuses connections then. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child) await endProcess(child);
  }

  /** Does nothing when it runs. */
  async startAgain(): Promise<void> {
    if (this.#child) return;
    const child = spawn(
      'samba',
      ['--configfile', this.#configuration, '--interactive', '--model=single', '--debug-stdout'],
      // It ends with its standard input, and so with this process.
      { stdio: ['pipe', 'ignore', 'ignore'] },
    );
    this.#child = child;
    for (const port of [389, 636]) {
      while (!(await accepts(this.address, port))) {
        if (child.exitCode !== null) throw new Error(`samba has ended with ${child.exitCode}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async close(): Promise<void> {
    await this.stop();
    this.#authority.remove();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #configuration(): string {
    return join(this.#directory, 'smb.conf');
  }

  async #provision(): Promise<void> {
    const { certFile, keyFile } = this.#authority.issue({ names: `IP:${this.address}` });
    const path = (name: string) => join(this.#directory, name);
    const target = path('domain');
    await run('samba-tool', [
      ...['domain', 'provision', `--targetdir=${target}`, '--server-role=dc', '--dns-backend=NONE'],
      ...['--realm=EXAMPLE.TEST', '--domain=EXAMPLE', '--host-name=dc1', `--host-ip=${this.address}`],
      `--adminpass=${administrator.password}`,
    ]);
    mkdirSync(path('run'));
    writeFileSync(
      this.#configuration,
      `[global]
netbios name = DC1
realm = EXAMPLE.TEST
workgroup = EXAMPLE
server role = active directory domain controller
server services = ldap
interfaces = ${this.address}/8
bind interfaces only = yes
private dir = ${target}/private
state directory = ${target}/state
lock directory = ${target}
cache directory = ${path('run')}
pid directory = ${path('run')}
ncalrpc dir = ${path('run')}/ncalrpc
winbindd socket directory = ${path('run')}/winbindd
log file = ${path('run')}/log
tls certfile = ${certFile}
tls keyfile = ${keyFile}
tls cafile = ${this.#authority.file}
`,
    );
  }

  async #manage(change: (client: Client) => Promise<void>): Promise<void> {
    const client = new Client({ url: this.tls, tlsOptions: { rejectUnauthorized: false } });
    await client.bind(administrator.name, administrator.password);
    try {
      await change(client);
    } finally {
      await client.unbind();
    }
  }
}

export const userDn = (name: string) => `CN=${name},${users}`;
export const groupDn = (name: string) => `CN=${name},${users}`;

function replace(type: string, value: string | Buffer): Change {
  const values = [Buffer.from(value)];
  return new Change({ operation: 'replace', modification: new Attribute({ type, values }) });
}

async function accepts(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
