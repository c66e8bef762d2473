import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../checkout.ts';
import { type BalancedOptions, edited, type FrontOptions } from './front.ts';
import { ProxyProcess } from './proxy-process.ts';

/** Debian's nginx with a file of `examples/reverse-proxy`. */
export class Nginx extends ProxyProcess {
  #streams = '';

  /** With `nginx.conf`. */
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
    await nginx.#run(port, `http {\naccess_log off;\n${nginx.#places()}\n${site}}`);
    return nginx;
  }

  /** With `nginx-stream.conf`. */
  static async startBalancing({ port, reflectors, edits = [] }: BalancedOptions): Promise<Nginx> {
    const nginx = new Nginx();
    const text = readFileSync(join(root, 'examples/reverse-proxy/nginx-stream.conf'), 'utf8');
    nginx.#streams = edited(text, [
      ['listen 443;', `listen 127.0.0.1:${port};`],
      ['10.0.0.11:8443', `127.0.0.1:${reflectors[0]}`],
      ['10.0.0.12:8443', `127.0.0.1:${reflectors[1]}`],
      ...edits,
    ]);
    await nginx.#run(port, nginx.#streams);
    return nginx;
  }

  /** As its operator does before the reflector at this port is stopped. */
  takeOut(reflector: number): void {
    const server = `server 127.0.0.1:${reflector} `;
    this.#write(edited(this.#streams, [[server, `${server}down `]]));
    this.reload();
  }

  #places(): string {
    const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${this.directory}/${name};`,
    );
    return places.join('\n');
  }

  async #run(port: number, site: string): Promise<void> {
    const file = this.#write(site);
    await this.start(port, '/usr/sbin/nginx', ['-p', this.directory, '-e', 'stderr', '-c', file]);
  }

  #write(site: string): string {
    const main = [
      ...(site.includes('stream {') ? ['load_module /usr/lib/nginx/modules/ngx_stream_module.so;'] : []),
      'daemon off;',
      // Its workers use the files of this test.
      ...(process.getuid?.() === 0 ? ['user root;'] : []),
      'worker_processes 1;',
      `pid ${this.directory}/pid;`,
      'error_log stderr warn;',
      'events {}',
      site,
    ];
    return this.file('nginx.conf', `${main.join('\n')}\n`);
  }
}
