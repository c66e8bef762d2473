import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { RemoteSystem } from '../system/remote-system.ts';
import { type WebDavKind, WebDavServer } from '../system/webdav-server.ts';

/*
 * litmus and cadaver as the user of a device with WebDAV. They ask the server directly and through both agents, and have
 * to tell the same. Names below .localhost are not known to every resolver, so the reflector is named as their proxy.
 */

const agents: [string, string[]][] = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['x86_64', ['dist/x86_64/rm-agent']],
];

/** A client's way to the server. */
interface Way {
  readonly url: string;
  readonly proxy: readonly string[];
  readonly user: string;
  readonly password: string;
}

let server: WebDavServer;
let system: RemoteSystem | null = null;
afterEach(async () => {
  await system?.stop();
  system = null;
  await server?.stop();
});

async function output(
  command: string,
  args: readonly string[],
  cwd: string,
  input = '',
  home = cwd,
): Promise<string> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, HOME: home },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (piece: string) => {
      text += piece;
    });
  }
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  await new Promise((resolve) => child.once('close', resolve));
  return text;
}

/** Name and verdict of each test of litmus. */
async function litmus({ url, proxy, user, password }: Way): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'rm-litmus-'));
  try {
    const text = await output('litmus', ['--keep-going', ...proxy, `${url}/`, user, password], directory);
    const results = [...text.matchAll(/^.*?(\d+)\. (\w+)\.+ (pass|FAIL|SKIPPED|WARNING)/gm)].map(
      ([, number, name, verdict]) => `${number} ${name} ${verdict}`,
    );
    // nginx takes a target with a fragment; the reflector refuses it, as RFC 9110 has it.
    return results.filter((result) => !result.includes('delete_fragment'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const commands = [
  'mkcol one',
  'cd one',
  'put file.txt',
  'ls',
  'copy file.txt copied.txt',
  'move copied.txt moved.txt',
  'cat moved.txt',
  'propnames file.txt',
  'mkcol two',
  'copy file.txt two/',
  'ls two',
  'delete moved.txt',
  'rmcol two',
  'lock file.txt',
  'discover file.txt',
  'unlock file.txt',
  'delete file.txt',
  'cd ..',
  'rmcol one',
  'ls',
  'quit',
];

/** What cadaver says, without what differs each time. */
async function cadaver({ url, proxy, user, password }: Way): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'rm-cadaver-'));
  try {
    const { hostname } = new URL(url);
    writeFileSync(join(directory, 'file.txt'), 'a file of the user\n');
    writeFileSync(join(directory, '.netrc'), `machine ${hostname}\nlogin ${user}\npassword "${password}"\n`, {
      mode: 0o600,
    });
    const text = await output('cadaver', [...proxy, `${url}/`], directory, `${commands.join('\n')}\n`);
    return (
      text
        .replaceAll(url, 'URL')
        .replaceAll(hostname, 'HOST')
        .replace(/[A-Z][a-z]{2} +\d+ +\d\d:\d\d/g, 'DATE')
        .replace(/(?:opaquelocktoken|urn|urn:uuid):[-0-9a-f]+/g, 'TOKEN')
        // What is left of the minute that nginx gives a lock.
        .replace(/Timeout: (?:60|[1-5]?\d) seconds/g, 'Timeout: LEFT')
        .replace(/.*\r/g, '')
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe.each<WebDavKind>(['lighttpd', 'nginx'])('WebDAV of %s', (kind) => {
  test.each(agents)('is the same directly and through %s', async (_name, agent) => {
    server = await WebDavServer.start(kind);
    const direct: Way = { url: `http://127.0.0.1:${server.port}`, proxy: [], user: 'any', password: 'any' };
    const directly = [await litmus(direct), await cadaver(direct)];
    await server.stop();
    server = await WebDavServer.start(kind);
    system = await RemoteSystem.start({ services: [{ port: server.port, kind: 'http' }], agent });
    const reflector = `http://127.0.0.1:${system.port}`;
    const { url, user, password } = system;
    const through = [
      await litmus({ url, proxy: [`--proxy=${reflector}`], user, password }),
      await cadaver({ url, proxy: [`--proxy=127.0.0.1:${system.port}`], user, password }),
    ];
    expect(through).toEqual(directly);
    // It is not that both have said nothing.
    expect(directly[0]?.length).toBeGreaterThan(60);
    expect(directly[1]).toContain('a file of the user');
  });
});
