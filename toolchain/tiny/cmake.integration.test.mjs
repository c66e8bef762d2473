import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { needPackages } from '../debian.mjs';

const native = fileURLToPath(new URL('../../agent/tiny', import.meta.url));
const script = fileURLToPath(import.meta.url);

/** What CMake says of these definitions. @param {readonly string[]} definitions */
async function configure(definitions) {
  await needPackages(['cmake', 'gcc', 'libc6-dev', 'make']);
  const build = mkdtempSync(join(tmpdir(), 'rm-cmake-'));
  onTestFinished(() => rmSync(build, { recursive: true }));
  const arguments_ = ['-S', native, '-B', build, ...definitions.map((definition) => `-D${definition}`)];
  const { status, stdout, stderr } = spawnSync('cmake', arguments_, { encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}`.replace(/\s+/g, ' ') };
}

it.each([
  [['ENGINE=v8'], "ENGINE is 'v8': allowed are quickjs and quickjs-ng"],
  [['RM_SCRIPT=/nonexistent.js'], 'RM_SCRIPT: there is no /nonexistent.js'],
  [
    [`RM_SCRIPT=${script}`, 'CMAKE_SYSTEM_NAME=Linux'],
    'set CMAKE_CROSSCOMPILING_EMULATOR to what runs it, or RM_COMPILER to an rmc of this machine',
  ],
  [['RM_EMBED=text'], "RM_EMBED is 'text': allowed are bytecode and source"],
  [
    [`RM_SCRIPT=${script}`, 'CMAKE_SYSTEM_NAME=Linux', 'RM_BUILD_CC=cc'],
    'RM_BUILD_CC needs QUICKJS_SOURCE: bytecode is of one version of the engine',
  ],
  [['QUICKJS_SOURCE=bundled'], 'QUICKJS_SOURCE is bundled, but this is no source archive'],
  [['QUICKJS_ROOT=/nonexistent'], 'set QUICKJS_ROOT or QUICKJS_SOURCE'],
  [[`QUICKJS_SOURCE=${native}`, 'MBEDTLS_ROOT=/nonexistent'], 'set MBEDTLS_ROOT or MBEDTLS_SOURCE'],
])('CMake ends with what to do for %j', async (definitions, advice) => {
  const { status, said } = await configure(definitions);
  expect(said).toContain(advice);
  expect(status).toBe(1);
});

it.each([
  ['version.h', '2.28.3', /mbedTLS is 2\.28\.3 \(.*\): needed is 3\.6/],
  ['build_info.h', '3.5.2', /mbedTLS is 3\.5\.2 \(.*\): needed is 3\.6/],
  ['build_info.h', '4.0.0', /mbedTLS is 4\.0\.0 \(.*\): needed is 3\.6/],
])('CMake refuses an mbedTLS whose %s says %s, in one line', async (header, version, refusal) => {
  const root = mkdtempSync(join(tmpdir(), 'rm-mbedtls-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'include/mbedtls'), { recursive: true });
  writeFileSync(join(root, 'include/mbedtls/ssl.h'), '');
  const lines = [
    `#define MBEDTLS_VERSION_STRING         "${version}"`,
    '#define MBEDTLS_VERSION_STRING_FULL "x"',
  ];
  writeFileSync(join(root, 'include/mbedtls', header), `${lines.join('\n')}\n`);
  const { status, said } = await configure([`QUICKJS_SOURCE=${native}`, `MBEDTLS_ROOT=${root}`]);
  expect(said).toMatch(refusal);
  expect(status).toBe(1);
});
