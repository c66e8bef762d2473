// Every fuzzer of agent and reflector in turn, each time with another seed, for as long as one likes.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

/**
 * @typedef {object} Fuzzer
 * @property {string} project of vitest
 * @property {string} file
 * @property {number} runs inputs of one round; set so that a round takes about {@link roundMs}
 */

/** @type {Fuzzer[]} */
const fuzzers = [
  { project: 'unit', file: 'protocol/src/fuzz.test.ts', runs: 20_000 },
  { project: 'unit', file: 'agent/src/tunnel/fuzz.test.ts', runs: 5_000 },
  { project: 'unit', file: 'agent/src/mqtt/fuzz.test.ts', runs: 20_000 },
  { project: 'native-sanitize', file: 'agent/tiny/test/fuzz.test.ts', runs: 3_000 },
  {
    project: 'integration',
    file: 'reflector-minimal/src/fuzz/requests.fuzz.integration.test.ts',
    runs: 1_000,
  },
  {
    project: 'integration',
    file: 'reflector-minimal/src/fuzz/answers.fuzz.integration.test.ts',
    runs: 1_000,
  },
  { project: 'unit', file: 'reflector-minimal/src/fuzz/response-reader.fuzz.test.ts', runs: 100_000 },
  { project: 'integration', file: 'reflector-minimal/src/fuzz/tunnels.fuzz.integration.test.ts', runs: 200 },
];

const roundMs = 60_000;
/** Seeds are positive, and whole in 31 bits: every fuzzer takes them as they are. */
const seeds = 0x7fff_ffff;

const usage = `Usage: npm run fuzz -- [--minutes N] [--only TEXT] [--seed N]

  --minutes N   how long (default 60); a round that has begun is finished
  --only TEXT   the fuzzers whose file has this in its name
  --seed N      one round of each with this seed
`;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    only: { type: 'string', default: '' },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/**
 * Runs one round; gives how long it took, or the output of one that failed.
 * @param {Fuzzer} fuzzer
 * @param {number} seed
 * @returns {Promise<{ ms: number, failure: string | null }>}
 */
function round({ project, file, runs }, seed) {
  const began = Date.now();
  const child = spawn('node_modules/.bin/vitest', ['run', '--project', project, file], {
    env: { ...process.env, RM_SEED: String(seed), RM_FUZZ_RUNS: String(runs) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      // The end says what has failed.
      output = (output + chunk).slice(-100_000);
    });
  }
  return new Promise((resolve) => {
    child.on('close', (status) => resolve({ ms: Date.now() - began, failure: status === 0 ? null : output }));
    child.on('error', (error) => resolve({ ms: 0, failure: error.message }));
  });
}

if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const minutes = Number(options.minutes);
const chosen = fuzzers.filter(({ file }) => file.includes(options.only));
if (!(minutes > 0) || chosen.length === 0 || !/^\d*$/.test(options.seed ?? '')) {
  process.stderr.write(usage);
  process.exit(64);
}

const end = Date.now() + minutes * 60_000;
let rounds = 0;
let inputs = 0;
do {
  for (const fuzzer of chosen) {
    const seed = options.seed === undefined ? randomInt(1, seeds) : Number(options.seed);
    const { ms, failure } = await round(fuzzer, seed);
    if (failure !== null) {
      process.stdout.write(failure);
      console.log(`\n${fuzzer.file} failed with seed ${seed}. Again:`);
      console.log(
        `RM_SEED=${seed} RM_FUZZ_RUNS=${fuzzer.runs} npx vitest run --project ${fuzzer.project} ${fuzzer.file}`,
      );
      process.exit(1);
    }
    rounds++;
    inputs += fuzzer.runs;
    console.log(`${fuzzer.file}: ${fuzzer.runs} inputs, seed ${seed}, ${(ms / 1000).toFixed(1)} s`);
    if (options.seed === undefined) {
      fuzzer.runs = Math.ceil(fuzzer.runs * Math.min(4, Math.max(0.25, roundMs / Math.max(ms, 1))));
    }
    if (Date.now() >= end) break;
  }
} while (Date.now() < end && options.seed === undefined);
console.log(`${rounds} rounds, ${inputs} inputs: nothing found`);
