import { defineConfig } from 'vitest/config';
import { type Executable, executables } from './toolchain/executables.mjs';
import { boards } from './toolchain/qemu/machines.mjs';
import WaitingFirst from './toolchain/waiting-first.mjs';

const source = (path: string) => new URL(path, import.meta.url).pathname;

const resolve = {
  alias: [
    { find: /^rm-protocol$/, replacement: source('protocol/src/index.ts') },
    { find: /^rm-agent$/, replacement: source('agent/sdk/index.ts') },
    { find: /^rm-reflector$/, replacement: source('reflector-minimal/src/index.ts') },
    {
      find: /^rm-reflector\/(accounts|program|store)$/,
      replacement: source('reflector-minimal/src/$1.ts'),
    },
    { find: /^local-reflector$/, replacement: source('examples/local-reflector/src/local-reflector.ts') },
    { find: /^local-reflector\/(.*)$/, replacement: source('examples/local-reflector/src/$1.ts') },
    {
      find: /^rm-reflector\/(ports|ports\/conformance|relay)$/,
      replacement: source('reflector-minimal/src/$1/index.ts'),
    },
  ],
};

/** The scenarios, driving one executable. */
function scenarios({
  name,
  command,
  clockless = '',
  patience,
  heapNoise,
  without = [],
  part = ['*'],
  atOnce,
}: Omit<Executable, 'build' | 'packages' | 'drivenBy'>) {
  return {
    resolve,
    test: {
      name,
      include: part.map((file) => `test/scenarios/**/${file}.test.ts`),
      ...(atOnce === undefined ? {} : { maxConcurrency: atOnce }),
      // What they change is in processes and folders of their own; a worker for each file costs more than most files.
      isolate: false,
      // Above what one event may take: then the failure names the event.
      testTimeout: 300_000 * patience,
      hookTimeout: 240_000 * patience,
      env: {
        RM_AGENT: command,
        RM_AGENT_CLOCKLESS: clockless,
        RM_SLOW: String(patience),
        RM_HEAP_NOISE: String(heapNoise),
        RM_WITHOUT: without.join(','),
      },
    },
  };
}

/** Only what never comes true reaches it: on a machine that is busy with much else, all takes tens of times as long. */
const polls = { expect: { poll: { timeout: 120_000 } } };
/** The same for tests that hang. */
const whenBusy = { testTimeout: 600_000, hookTimeout: 600_000, ...polls };

/** The C host by itself, built in this way, against peers on Node. */
function native(name: string, kind: 'valgrind' | 'sanitize') {
  return {
    test: {
      name,
      include: ['agent/tiny/test/*.test.ts'],
      globalSetup: ['agent/tiny/test/build.ts'],
      ...whenBusy,
      env: {
        RM_NATIVE_TEST: process.env.RM_NATIVE_TEST || source(`dist/${kind}/rm-run`),
        RM_NATIVE_PLAIN: source('dist/valgrind/rm-run'),
      },
    },
  };
}

/** What is tested on one board only, beside `board.test.ts`. */
const ofBoard: Readonly<Record<string, readonly string[]>> = {
  'qemu-malta-mipsel': ['sizing'],
  'qemu-virt-armv7': ['power-cut', 'update'],
};

/** One emulated board. */
function emulatedBoard({ name, board }: (typeof boards)[number]) {
  return {
    resolve,
    test: {
      name,
      include: ['board', ...(ofBoard[board] ?? [])].map((file) => `test/boards/${file}.test.ts`),
      env: { RM_BOARD: board },
      // Only what hangs reaches it: a thousand power cuts took 17 minutes on a busy machine. A lost tunnel takes a second
      // or two to come back.
      testTimeout: 3_600_000 + 6_000 * Number(process.env.RM_RECONNECTS ?? '0'),
      hookTimeout: 900_000,
    },
  };
}

/** `RM_AGENT` names an executable of one's own, in the place of ours. */
const {
  RM_AGENT: ownCommand,
  RM_AGENT_CLOCKLESS: ownClockless = '',
  RM_SLOW: ownPatience = '1',
  RM_HEAP_NOISE: ownNoise = '24576',
  RM_WITHOUT: ownLack = '',
} = process.env;

const workspaces = '{protocol,agent,reflector-minimal,server,client,examples,toolchain}/**';
const notOurs = ['**/node_modules/**', '**/dist/**', 'agent/tiny/**', '**/*.long.test.{ts,mjs}'];
/** Tests beside the code that start processes or open sockets; so do those of the Node adapter and the SDK, whatever they are called. */
const integration = [
  `${workspaces}/*.integration.test.{ts,mjs}`,
  'agent/{node,sdk}/**/*.test.ts',
  'test/plug-ins/*.test.ts',
];

/** Tests that ask a `TestServer`, whichever store it has: those in which the store does more than know who asks. */
const onPostgresql = {
  /** Short, and together they call every endpoint. */
  postgresql: [
    'api/{every-endpoint,routes}',
    'audit/audit',
    'devices/endpoints/devices',
    'devices/original/original',
    'host-keys/host-keys',
    'people/{account,people}',
    'rights/ended-rights',
    'tickets/tickets',
  ],
  'postgresql-more': [
    'api/generated-client',
    'devices/endpoints/on-line',
    'directories/{ldap/ldap,oidc/oidc}',
    'enrolment/enrolment',
    'events/events',
    'metrics/metrics',
    'people/mail',
    'rights/live-rights',
    'webhooks/webhooks',
  ],
};

/** The server again, on PostgreSQL. */
function serverOnPostgresql(name: keyof typeof onPostgresql) {
  return {
    resolve,
    test: {
      name,
      include: onPostgresql[name].map((file) => `server/src/${file}.integration.test.ts`),
      globalSetup: ['server/src/testing/postgresql-setup.ts'],
      env: { RM_TEST_STORE: 'postgresql' },
      isolate: false,
      ...whenBusy,
    },
  };
}

const propertySeed = 'toolchain/property-seed.mjs';

/** What toolchain/mutation runs too. */
export const unit = {
  resolve,
  test: {
    name: 'unit',
    include: [`${workspaces}/*.test.{ts,mjs}`, 'test/fleet/*.test.ts'],
    exclude: [...notOurs, ...integration],
    setupFiles: ['toolchain/unit-boundary.mjs', 'toolchain/unchanged-globals.mjs', propertySeed],
    // Nothing but modules is shared, and to load them takes longer than most tests.
    isolate: false,
    ...whenBusy,
  },
};

export default defineConfig({
  resolve,
  test: {
    // For what is marked concurrent: the scenarios, which wait most of the time.
    maxConcurrency: 6,
    // `npm test` runs more, toolchain/test-run.mjs.
    maxWorkers: 4,
    // One that is named here would be used in the place of vitest's random one.
    ...(process.argv.some((arg) => arg.startsWith('--sequence.shuffle'))
      ? {}
      : { sequence: { sequencer: WaitingFirst } }),
    projects: [
      unit,
      {
        resolve,
        test: {
          name: 'integration',
          include: integration,
          exclude: notOurs,
          setupFiles: [propertySeed],
          isolate: false,
          ...whenBusy,
        },
      },
      serverOnPostgresql('postgresql'),
      serverOnPostgresql('postgresql-more'),
      native('native', 'valgrind'),
      native('native-sanitize', 'sanitize'),
      ...(ownCommand
        ? [
            scenarios({
              name: 'scenarios',
              command: ownCommand,
              clockless: ownClockless,
              patience: Number(ownPatience),
              heapNoise: Number(ownNoise),
              without: ownLack.split(','),
            }),
          ]
        : executables.map((executable) =>
            scenarios({ ...executable, name: `scenarios-${executable.name}` }),
          )),
      {
        resolve,
        test: {
          name: 'devices',
          include: ['test/devices/**/*.test.ts'],
          // Each device is asked everything in six ways, beside five others.
          testTimeout: 1_800_000,
          hookTimeout: 600_000,
        },
      },
      {
        resolve,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: notOurs,
          testTimeout: 600_000,
          hookTimeout: 240_000,
          ...polls,
        },
      },
      ...boards.map(emulatedBoard),
      {
        // What is published, installed and run where it is meant to be.
        resolve,
        test: {
          name: 'release',
          include: ['test/release/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          ...polls,
        },
      },
      {
        // What e2e does in a short form, and what takes minutes.
        resolve,
        test: {
          name: 'long',
          include: [
            'test/e2e/{large-transfers,soak}.test.ts',
            'test/e2e/*.long.test.ts',
            'agent/src/mqtt/mqtt.simulation.test.ts',
            '{server,toolchain}/**/*.long.test.{ts,mjs}',
          ],
          exclude: notOurs.filter((pattern) => !pattern.includes('.long.')),
          env: { RM_LONG: '1', RM_SEEDS: '10000' },
          testTimeout: 600_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
