import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProcess } from './end-process.ts';
import { listening } from './listening.ts';
import { reservedPort } from './loopback-port.ts';

export type WebDavKind = 'lighttpd' | 'nginx';

/** Debian's lighttpd or nginx with their modules for WebDAV, and an empty collection. */
export class WebDavServer {
  readonly port: number;
  readonly #directory: string;
  readonly #child: ChildProcess;

  private constructor(port: number, directory: string, child: ChildProcess) {
    this.port = port;
    this.#directory = directory;
    this.#child = child;
  }

  static async start(kind: WebDavKind): Promise<WebDavServer> {
    const directory = mkdtempSync(join(tmpdir(), 'rm-webdav-'));
    // Their workers are users of their own when a test is run by root.
    chmodSync(directory, 0o777);
    const documents = join(directory, 'documents');
    mkdirSync(documents);
    chmodSync(documents, 0o777);
    const port = await reservedPort();
    const file = join(directory, 'server.conf');
    writeFileSync(file, `${(kind === 'nginx' ? nginx : lighttpd)(directory, documents, port).join('\n')}\n`);
    const [command = '', ...args] =
      kind === 'nginx'
        ? ['/usr/sbin/nginx', '-p', directory, '-c', file]
        : ['/usr/sbin/lighttpd', '-D', '-f', file];
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await listening(port, child, () => log);
    return new WebDavServer(port, directory, child);
  }

  async stop(): Promise<void> {
    await endProcess(this.#child);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function lighttpd(directory: string, documents: string, port: number): string[] {
  return [
    `server.document-root = "${documents}"`,
    'server.bind = "127.0.0.1"',
    `server.port = ${port}`,
    `server.upload-dirs = ( "${directory}" )`,
    'server.modules = ( "mod_webdav" )',
    'webdav.activate = "enable"',
    'webdav.is-readonly = "disable"',
    `webdav.sqlite-db-name = "${join(directory, 'locks.sqlite')}"`,
  ];
}

function nginx(directory: string, documents: string, port: number): string[] {
  const places = ['client_body', 'fastcgi', 'proxy', 'scgi', 'uwsgi'];
  return [
    'load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;',
    'daemon off;',
    `pid ${join(directory, 'nginx.pid')};`,
    'error_log stderr crit;',
    'events { worker_connections 64; }',
    'http {',
    'access_log off;',
    ...places.map((name) => `${name}_temp_path ${join(directory, name)};`),
    'dav_ext_lock_zone zone=locks:1m;',
    'server {',
    `listen 127.0.0.1:${port};`,
    `root ${documents};`,
    'client_max_body_size 0;',
    'location / {',
    'dav_methods PUT DELETE MKCOL COPY MOVE;',
    'dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;',
    'dav_ext_lock zone=locks;',
    '} } }',
  ];
}
