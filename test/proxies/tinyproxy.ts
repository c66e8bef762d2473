import { reservedPort } from '../system/loopback-port.ts';
import { login, ProxyProcess } from './proxy-process.ts';

/** Debian's tinyproxy, which wants the user of {@link login} by Basic; it knows no password with other signs than these. */
export class Tinyproxy extends ProxyProcess {
  static readonly password = 'open-s3same.proxy';
  port = 0;

  static async start(): Promise<Tinyproxy> {
    const proxy = new Tinyproxy();
    proxy.port = await reservedPort();
    const lines = [
      `Port ${proxy.port}`,
      'Listen 127.0.0.1',
      'Allow 127.0.0.1',
      'LogLevel Connect',
      `BasicAuth ${login.user} ${Tinyproxy.password}`,
    ];
    const file = proxy.file('tinyproxy.conf', `${lines.join('\n')}\n`);
    await proxy.start(proxy.port, 'tinyproxy', ['-d', '-c', file]);
    return proxy;
  }
}
