// The executables that we ship and the instrumented ones, as `npm test` and `npm run test:all` build and drive them.

/**
 * @typedef {object} Executable
 * @property {string} name of its scenarios in the test report
 * @property {readonly string[]} build arguments of toolchain/build.mjs that make it; none: `prepare` has made it
 * @property {string} command how to run it, from the root of the checkout
 * @property {readonly string[]} packages Debian packages that running it needs
 * @property {number} patience factor on the time limits of the scenarios
 * @property {number} heapNoise KiB by which resident memory may move for no reason of ours: V8's collector, or a
 *   sanitizer that keeps freed memory to catch its users
 * @property {string} [clockless] how to run the one in `dist/…-clockless`, which was built with `--clockless`: for the
 *   scenarios of a clock that is not set
 * @property {readonly string[]} [without] features (toolchain/tiny/features.mjs) that it lacks: what needs them is skipped
 * @property {readonly string[]} [part] scenario files to run; absent: all
 * @property {number} [atOnce] scenarios of a file that run at once; absent: what vitest.config.ts says
 * @property {readonly string[]} [also] other projects of vitest.config.ts that need it
 * @property {'test' | 'test:all' | 'named'} drivenBy the npm script that drives it when no project is named; `named`: none
 */

/**
 * What is run of the Node executables for other processors: an agent with Node under an emulator takes one to two CPU
 * seconds to start. These are the files in which its pieces can differ from Node on x64, which runs all: arguments, TLS
 * of that Node's OpenSSL, and what the agent does with sockets.
 */
const smoke = ['command-line', 'tls', 'half-close', 'redirect', 'digest'];

/** @type {readonly Executable[]} */
export const executables = [
  {
    name: 'node',
    build: [],
    command: 'node dist/node/rm-agent.mjs',
    clockless: 'node dist/node-clockless/rm-agent.mjs',
    packages: [],
    patience: 1,
    heapNoise: 24_576,
    drivenBy: 'test',
  },
  { ...withClockless(native('x86_64')), also: ['e2e', 'devices', 'long'], drivenBy: 'test' },
  variant('x86_64', ['tls', 'tls13', 'import', 'gateway']),
  variant('x86_64', [], 'quickjs-ng'),
  withBoard(withClockless(emulated('mipsel-24kc', 'qemu-mipsel-static'))),
  withBoard(emulated('mips-24kc', 'qemu-mips-static')),
  withBoard(emulated('armv7hf', 'qemu-arm-static')),
  withBoard(emulated('aarch64', 'qemu-aarch64-static')),
  { ...emulated('armv5', 'qemu-arm-static'), drivenBy: 'named' },
  { ...emulated('armv6hf', 'qemu-arm-static -cpu arm1176'), drivenBy: 'named' },
  { ...withBoard(emulated('riscv64', 'qemu-riscv64-static')), drivenBy: 'named' },
  { ...native('i686'), drivenBy: 'named' },
  {
    ...instrumented('sanitize', 2, 131_072),
    // Memory that was freed is kept to catch its users: half as much as `heapNoise`.
    command: 'env ASAN_OPTIONS=quarantine_size_mb=64 dist/sanitize/rm-agent',
    also: ['native-sanitize'],
  },
  {
    // A program on the C library. What is left out needs the command line, the control socket or the status of the program.
    ...instrumented('library', 2, 131_072),
    build: ['--library', '--sanitize'],
    command: 'env ASAN_OPTIONS=quarantine_size_mb=64 dist/library-sanitize/program',
    part: [
      ...['half-close', 'channels', 'extension', 'services', 'websocket', 'upgrade'],
      ...['redirect', 'digest', 'tls', 'pins', 'bounds', 'liveness', 'link', 'proxy', 'routes', 'properties'],
      'client-certificate',
    ],
  },
  instrumented('force-gc', 8, 4096),
  underValgrind({ name: 'valgrind-smoke', part: ['half-close'] }),
  underValgrind({ name: 'valgrind', drivenBy: 'named' }),
  {
    name: 'node-linux-x64',
    build: ['--node', 'linux-x64'],
    command: 'dist/node-linux-x64/rm-agent',
    packages: [],
    patience: 1,
    heapNoise: 24_576,
    drivenBy: 'test:all',
  },
  emulatedNode('linux-arm64', { part: smoke }),
  emulatedNode('linux-armv7', { part: smoke }),
  emulatedNode('linux-arm64', { name: 'node-linux-arm64-whole', drivenBy: 'named' }),
  emulatedNode('linux-armv7', { name: 'node-linux-armv7-whole', drivenBy: 'named' }),
];

/**
 * What `--project` names.
 * @param {readonly string[]} args of vitest
 */
export function namedProjects(args) {
  return args.flatMap((arg, index) =>
    arg === '--project' ? [args[index + 1] ?? ''] : arg.startsWith('--project=') ? [arg.slice(10)] : [],
  );
}

/**
 * Those that a run of the tests drives: with `--project`, what that names, as vitest reads it (`*`, and `!` for all but);
 * otherwise those of the npm script.
 * @param {'test' | 'test:all'} script
 * @param {readonly string[]} args of vitest
 */
export function chosenExecutables(script, args) {
  const patterns = namedProjects(args);
  const matches = (/** @type {Executable} */ { name, also = [] }, /** @type {string} */ pattern) =>
    [`scenarios-${name}`, ...also].some((project) =>
      new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(project),
    );
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!'));
  const unwanted = patterns.flatMap((pattern) => (pattern.startsWith('!') ? [pattern.slice(1)] : []));
  return executables.filter(
    (each) =>
      (patterns.length > 0 || each.drivenBy === script) &&
      (wanted.length === 0 || wanted.some((pattern) => matches(each, pattern))) &&
      !unwanted.some((pattern) => matches(each, pattern)),
  );
}

/**
 * The same arguments without these projects.
 * @param {readonly string[]} args of vitest
 * @param {(name: string) => boolean} unwanted
 */
export function withoutProjects(args, unwanted) {
  return args.filter((arg, index) => {
    if (arg.startsWith('--project=')) return !unwanted(arg.slice(10));
    if (arg === '--project') return !unwanted(args[index + 1] ?? '');
    return args[index - 1] !== '--project' || !unwanted(arg);
  });
}

/**
 * @typedef {object} Build
 * @property {readonly string[]} args of toolchain/build.mjs
 * @property {readonly string[]} projects of vitest that need it
 */

/**
 * What the projects of a script need beside the executables that they drive.
 * @type {Readonly<Record<'test' | 'test:all', readonly Build[]>>}
 */
const needs = {
  test: [
    { args: ['--valgrind'], projects: ['native'] },
    { args: ['--library'], projects: ['e2e', 'integration'] },
    { args: ['--library', '--sanitize'], projects: ['e2e'] },
  ],
  'test:all': [
    { args: ['--target', 'x86_64'], projects: ['long'] },
    { args: ['--sanitize'], projects: ['native-sanitize'] },
    { args: ['--target', 'riscv64'], projects: ['boards-riscv64'] },
  ],
};

/**
 * What a run of the tests needs built, beside what `prepare` makes.
 * @param {'test' | 'test:all'} script
 * @param {readonly string[]} args of vitest
 * @returns {readonly Build[]}
 */
export function buildsFor(script, args) {
  const named = namedProjects(args);
  const others = needs[script].filter(
    ({ projects }) => named.length === 0 || projects.some((project) => named.includes(project)),
  );
  const executables = chosenExecutables(script, args).flatMap(({ name, build, clockless, also = [] }) => {
    const projects = [`scenarios-${name}`, ...also];
    if (build.length === 0) return [];
    const plain = { args: build, projects };
    return clockless === undefined ? [plain] : [plain, { args: [...build, '--clockless'], projects }];
  });
  return [
    ...executables,
    ...others.filter(({ args: own }) => !executables.some(({ args: other }) => `${other}` === `${own}`)),
  ];
}

/**
 * @param {Executable} executable
 * @returns {Executable}
 */
function withClockless(executable) {
  return { ...executable, clockless: executable.command.replace(/(dist\/[^/]+)/, '$1-clockless') };
}

/**
 * It runs in an emulated board as well, test/boards.
 * @param {Executable} executable
 * @returns {Executable}
 */
function withBoard(executable) {
  return { ...executable, also: [`boards-${executable.name}`] };
}

/**
 * @param {string} target
 * @returns {Executable}
 */
function native(target) {
  const build = ['--target', target];
  return {
    name: target,
    build,
    command: `dist/${target}/rm-agent`,
    packages: [],
    patience: 1,
    heapNoise: 256,
    drivenBy: 'test:all',
  };
}

/**
 * Resident memory is the emulator's, translated code included.
 * @param {string} target
 * @param {string} qemu
 * @returns {Executable}
 */
function emulated(target, qemu) {
  const command = `${qemu} dist/${target}/rm-agent`;
  return { ...native(target), command, packages: ['qemu-user-static'], patience: 4, heapNoise: 24_576 };
}

/**
 * @param {string} kind
 * @param {number} patience
 * @param {number} heapNoise
 * @returns {Executable}
 */
function instrumented(kind, patience, heapNoise) {
  return {
    name: kind,
    build: [`--${kind}`],
    command: `dist/${kind}/rm-agent`,
    packages: [],
    patience,
    heapNoise,
    drivenBy: 'test:all',
  };
}

/**
 * With choices that the build offers.
 * @param {string} target
 * @param {readonly string[]} without
 * @param {string} [engine]
 * @returns {Executable}
 */
function variant(target, without, engine) {
  const name = [target, ...(engine ? [engine] : []), ...without.map((feature) => `without-${feature}`)].join(
    '-',
  );
  const build = [
    ...native(target).build,
    ...(engine ? ['--engine', engine] : []),
    ...(without.length > 0 ? ['--without', without.join(',')] : []),
  ];
  // quickjs-ng lets 290 KiB of cyclic garbage gather before it collects.
  return { ...native(name), build, without, ...(engine && { heapNoise: 384 }) };
}

/**
 * Any error or lost byte that valgrind finds becomes the exit status, which every scenario looks at. A child that was
 * forked and runs another program is none of ours.
 * @param {Partial<Executable>} more
 * @returns {Executable}
 */
function underValgrind(more) {
  const valgrind = 'valgrind -q --error-exitcode=99 --leak-check=full --child-silent-after-fork=yes';
  const made = instrumented('valgrind', 8, 131_072);
  return { ...made, command: `${valgrind} ${made.command}`, packages: ['valgrind', 'libc6-dbg'], ...more };
}

/**
 * @param {'linux-arm64' | 'linux-armv7'} platform
 * @param {Partial<Executable>} more
 * @returns {Executable}
 */
function emulatedNode(platform, more) {
  const [qemu, debian, gnu] =
    platform === 'linux-arm64'
      ? ['qemu-aarch64-static', 'arm64', 'aarch64-linux-gnu']
      : ['qemu-arm-static', 'armhf', 'arm-linux-gnueabihf'];
  return {
    name: `node-${platform}`,
    build: ['--node', platform],
    command: `${qemu} -L /usr/${gnu} dist/node-${platform}/rm-agent`,
    packages: ['qemu-user-static', `libc6-${debian}-cross`, `libstdc++6-${debian}-cross`],
    patience: 8,
    // V8's heap and its translation by the emulator.
    heapNoise: 65_536,
    atOnce: 2,
    drivenBy: 'test:all',
    ...more,
  };
}
