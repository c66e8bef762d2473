import { homedir, tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { version } from '../bundle.mjs';
import { archiveName, archiveOf, sourceFiles } from './source-archive.mjs';

const files = await sourceFiles();
const paths = files.map(({ path }) => path);

describe('the source archive', () => {
  it('has the same bytes each time', async () => {
    expect(archiveOf(await sourceFiles()).equals(archiveOf(files))).toBe(true);
    expect(archiveName).toBe(`rm-agent-${version}`);
  });

  it.each([
    'CMakeLists.txt',
    'COMMIT',
    'LICENSE',
    'README.md',
    'VERSION',
    'include/rm_mbedtls_config.h',
    'init/busybox/etc/init.d/S90rm-agent',
    'init/procd/etc/init.d/rm-agent',
    'init/systemd/usr/lib/systemd/system/rm-agent.service',
    'init/sysv/etc/init.d/rm-agent',
    'rm-agent.js',
    'rm-agent-library.js',
    'rm-agent-without-mqtt.js',
    'library/include/rm_agent.h',
    'rm-agent.schema.json',
    'src/main.c',
    'src/system_errors.inc',
    'third-party/SOURCES',
    'third-party/mbedtls/LICENSE',
    'third-party/mbedtls/include/psa/crypto.h',
    'third-party/mbedtls/library/ssl_tls.c',
    'third-party/patches/quickjs-small-library.patch',
    'third-party/quickjs/LICENSE',
    'third-party/quickjs/quickjs.c',
  ])('has %s', (path) => {
    expect(paths).toContain(path);
  });

  it.each([
    ['rm-agent.js', ['gateway', 'mqtt', 'import', 'commands']],
    ['rm-agent-without-mqtt.js', ['gateway', 'import', 'commands']],
  ])('has the script %s with the parts %j', (name, parts) => {
    const script = files.find(({ path }) => path === name)?.content.toString('utf8') ?? '';
    expect(script.match(/(?<=\n\/\/# script )\w+(?=\n)/g)).toEqual(parts);
  });

  it('has nothing of the machine that made it', () => {
    const here = [homedir(), tmpdir(), process.cwd()].filter((path) => path.length > 5);
    for (const { path, content } of files)
      for (const name of here) expect(content.includes(name), `${path}: ${name}`).toBe(false);
  });
});
