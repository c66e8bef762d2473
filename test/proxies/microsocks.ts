import { reservedPort } from '../system/loopback-port.ts';
import { login, ProxyProcess } from './proxy-process.ts';

/** Debian's microsocks: SOCKS5, which wants {@link login}. */
export class Microsocks extends ProxyProcess {
  port = 0;

  static async start(): Promise<Microsocks> {
    const proxy = new Microsocks();
    proxy.port = await reservedPort();
    const args = ['-i', '127.0.0.1', '-p', String(proxy.port), '-u', login.user, '-P', login.password];
    await proxy.start(proxy.port, 'microsocks', args);
    return proxy;
  }
}
