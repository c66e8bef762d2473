import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
// @ts-expect-error plain JavaScript without declarations
import { mqttPacket } from '../../../toolchain/mqtt-packet/mqtt-packet.mjs';
import { runFile, temporaryDirectory } from './guest.ts';

/** Rounds, each of one damaged example into every parser; `RM_FUZZ_RUNS` for more. */
const rounds = Number(process.env.RM_FUZZ_RUNS ?? 3000);
const seed = Number(process.env.RM_SEED ?? 20_261_122);

describe('the parsers on the tiny engine', () => {
  it('let nothing escape but their documented errors, whatever comes', {
    timeout: 240_000 + rounds * 20,
  }, async () => {
    const outfile = `${temporaryDirectory()}/fuzz.js`;
    await build({
      entryPoints: [fileURLToPath(new URL('fuzz-guest.ts', import.meta.url))],
      outfile,
      bundle: true,
      alias: { 'rm-protocol': fileURLToPath(new URL('../../../protocol/src/index.ts', import.meta.url)) },
      plugins: [mqttPacket],
      format: 'iife',
      target: 'es2022',
      define: { ROUNDS: String(rounds), SEED: String(seed) },
    });
    expect(await runFile(outfile).finish()).toEqual([['fuzzed', rounds, true, true]]);
  });
});
