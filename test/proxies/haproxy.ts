import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../checkout.ts';
import { edited, type FrontOptions } from './front.ts';
import { ProxyProcess } from './proxy-process.ts';

/** Debian's HAProxy with `examples/reverse-proxy/haproxy.cfg`. */
export class Haproxy extends ProxyProcess {
  static async start({ port, reflector, certificate, edits = [] }: FrontOptions): Promise<Haproxy> {
    const haproxy = new Haproxy();
    const { cert, key } = certificate;
    const pem = haproxy.file('both.pem', readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
    const text = readFileSync(join(root, 'examples/reverse-proxy/haproxy.cfg'), 'utf8');
    const site = edited(text, [
      ['bind :443 ', `bind 127.0.0.1:${port} `],
      ['/etc/haproxy/remote.example.com.pem', pem],
      ['server reflector 127.0.0.1:8080 check', `server reflector 127.0.0.1:${reflector} check`],
      ...edits,
    ]);
    const file = haproxy.file('haproxy.cfg', `global\n    maxconn 1000\n\n${site}`);
    // -db: in the foreground.
    await haproxy.start(port, '/usr/sbin/haproxy', ['-db', '-f', file]);
    return haproxy;
  }
}
