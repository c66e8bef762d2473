import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Certificate } from '../certificates/authority.ts';
import { reservedPort } from '../system/loopback-port.ts';
import { login, ProxyProcess } from './proxy-process.ts';

const programs = '/usr/lib/squid';

/** Debian's squid (the build with OpenSSL), which wants {@link login} by Basic or by Digest. */
export class Squid extends ProxyProcess {
  port = 0;
  /** The port at which it speaks TLS. */
  tlsPort = 0;

  static async start(scheme: 'basic' | 'digest', certificate: Certificate): Promise<Squid> {
    const squid = new Squid();
    await squid.#start(scheme, certificate);
    return squid;
  }

  async #start(scheme: 'basic' | 'digest', { cert, key }: Certificate): Promise<void> {
    this.port = await reservedPort();
    this.tlsPort = await reservedPort();
    const certFile = this.file('cert.pem', cert);
    const keyFile = this.file('key.pem', key);
    const lines = [
      `http_port 127.0.0.1:${this.port}`,
      `https_port 127.0.0.1:${this.tlsPort} tls-cert=${certFile} tls-key=${keyFile}`,
      ...(scheme === 'basic' ? this.#basic() : this.#digest()),
      'acl known proxy_auth REQUIRED',
      'http_access allow known',
      'http_access deny all',
      'cache deny all',
      'pinger_enable off',
      'shutdown_lifetime 0 seconds',
      'visible_hostname proxy.test',
      'pid_filename none',
      'cache_log /dev/null',
      `access_log stdio:${this.directory}/access.log`,
      `coredump_dir ${this.directory}`,
    ];
    const file = this.file('squid.conf', `${lines.join('\n')}\n`);
    this.belongsTo('proxy');
    // -N: one process, in the foreground; -d 1: what goes wrong is told on standard error.
    await this.start(this.tlsPort, '/usr/sbin/squid', ['-N', '-d', '1', '-f', file]);
  }

  #basic(): string[] {
    const { stdout } = spawnSync('openssl', ['passwd', '-apr1', '-stdin'], {
      input: `${login.password}\n`,
      encoding: 'utf8',
    });
    const file = this.file('passwords', `${login.user}:${stdout}`);
    return [`auth_param basic program ${programs}/basic_ncsa_auth ${file}`, 'auth_param basic realm squid'];
  }

  #digest(): string[] {
    const secret = createHash('md5').update(`${login.user}:squid:${login.password}`).digest('hex');
    const file = this.file('passwords', `${login.user}:squid:${secret}\n`);
    return [
      `auth_param digest program ${programs}/digest_file_auth -c ${file}`,
      'auth_param digest realm squid',
    ];
  }
}
