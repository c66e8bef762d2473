import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProcess } from './end-process.ts';
import { listening } from './listening.ts';
import { reservedPort } from './loopback-port.ts';

/** Debian's lighttpd, with a configuration and a document root of its own. */
export class Lighttpd {
  readonly port: number;
  /** Where its files are. */
  readonly documents: string;
  readonly #directory: string;
  readonly #child: ChildProcess;

  private constructor(port: number, directory: string, documents: string, child: ChildProcess) {
    this.port = port;
    this.#directory = directory;
    this.documents = documents;
    this.#child = child;
  }

  /** `more`: further lines of its configuration, given the folder of its files. */
  static async start(more: (directory: string) => readonly string[] = () => []): Promise<Lighttpd> {
    const directory = mkdtempSync(join(tmpdir(), 'rm-lighttpd-'));
    const documents = join(directory, 'documents');
    mkdirSync(documents);
    const port = await reservedPort();
    const file = join(directory, 'lighttpd.conf');
    const settings = [
      `server.document-root = "${documents}"`,
      'server.bind = "127.0.0.1"',
      `server.port = ${port}`,
      'index-file.names = ( "index.html" )',
      'mimetype.assign = ( ".html" => "text/html", ".bin" => "application/octet-stream" )',
      ...more(directory),
    ];
    writeFileSync(file, `${settings.join('\n')}\n`);
    const child = spawn('/usr/sbin/lighttpd', ['-D', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await listening(port, child, () => log);
    return new Lighttpd(port, directory, documents, child);
  }

  async stop(): Promise<void> {
    await endProcess(this.#child);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
