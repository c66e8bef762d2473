import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
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
  [['QUICKJS_ROOT=/nonexistent'], 'set QUICKJS_ROOT or QUICKJS_SOURCE'],
  [[`QUICKJS_SOURCE=${native}`, 'MBEDTLS_ROOT=/nonexistent'], 'set MBEDTLS_ROOT or MBEDTLS_SOURCE'],
])('CMake ends with what to do for %j', async (definitions, advice) => {
  const { status, said } = await configure(definitions);
  expect(said).toContain(advice);
  expect(status).toBe(1);
});
