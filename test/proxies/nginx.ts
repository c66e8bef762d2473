import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../checkout.ts';
import { edited, type FrontOptions } from './front.ts';
import { ProxyProcess } from './proxy-process.ts';

/** Debian's nginx with `examples/reverse-proxy/nginx.conf`. */
export class Nginx extends ProxyProcess {
  static async start({ port, reflector, certificate, edits = [] }: FrontOptions): Promise<Nginx> {
    const nginx = new Nginx();
    const text = readFileSync(join(root, 'examples/reverse-proxy/nginx.conf'), 'utf8');
    const site = edited(text, [
      ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
      ['server 127.0.0.1:8080;', `server 127.0.0.1:${reflector};`],
      ['/etc/ssl/certs/remote.example.com.pem', certificate.cert],
      ['/etc/ssl/private/remote.example.com.key', certificate.key],
      ...edits,
    ]);
    const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${nginx.directory}/${name};`,
    );
    const main = [
      'daemon off;',
      // Its workers use the files of this test.
      ...(process.getuid?.() === 0 ? ['user root;'] : []),
      'worker_processes 1;',
      `pid ${nginx.directory}/pid;`,
      'error_log stderr warn;',
      'events {}',
      `http {\naccess_log off;\n${places.join('\n')}\n${site}}`,
    ];
    const file = nginx.file('nginx.conf', `${main.join('\n')}\n`);
    await nginx.start(port, '/usr/sbin/nginx', ['-p', nginx.directory, '-e', 'stderr', '-c', file]);
    return nginx;
  }
}
