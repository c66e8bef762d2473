import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../checkout.ts';
import { edited, type FrontOptions } from './front.ts';
import { ProxyProcess } from './proxy-process.ts';

/** Debian's HAProxy with the configuration that `examples/docker-compose` gives to the one in a container. */
export class HaproxyContainer extends ProxyProcess {
  static async start({ port, reflector, certificate, edits = [] }: FrontOptions): Promise<HaproxyContainer> {
    const haproxy = new HaproxyContainer();
    const { cert, key } = certificate;
    const pem = haproxy.file('both.pem', readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
    const text = readFileSync(join(root, 'examples/docker-compose/haproxy.cfg'), 'utf8');
    const file = haproxy.file(
      'haproxy.cfg',
      edited(text, [
        ['maxconn 20000', 'maxconn 1000'],
        ['bind :8443 ', `bind 127.0.0.1:${port} `],
        ['/certificates/server.pem', pem],
        ['server:8080 check resolvers engine', `127.0.0.1:${reflector} check`],
        ['bind :8404', `bind unix@${join(haproxy.directory, 'statistics')}`],
        ...edits,
      ]),
    );
    await haproxy.start(port, '/usr/sbin/haproxy', ['-W', '-db', '-f', file]);
    return haproxy;
  }
}
