// 64-bit integer arithmetic and floating point in software, for compilers that bring none for the target: the parts
// of LLVM's compiler-rt that GCC calls on a 32-bit machine whose `long double` is a `double`.

/** Names of C files in compiler-rt/lib/builtins, without `.c`. */
const portable = [
  ...[
    'absvdi2',
    'absvsi2',
    'addvdi3',
    'addvsi3',
    'mulvdi3',
    'mulvsi3',
    'negvdi2',
    'negvsi2',
    'subvdi3',
    'subvsi3',
  ],
  ...['ashldi3', 'ashrdi3', 'lshrdi3', 'cmpdi2', 'ucmpdi2', 'muldi3', 'negdi2'],
  ...['divdi3', 'divmoddi4', 'moddi3', 'udivdi3', 'udivmoddi4', 'umoddi3'],
  ...['divsi3', 'divmodsi4', 'modsi3', 'udivsi3', 'udivmodsi4', 'umodsi3'],
  ...['bswapdi2', 'bswapsi2', 'clzdi2', 'clzsi2', 'ctzdi2', 'ctzsi2', 'ffsdi2', 'ffssi2'],
  ...['paritydi2', 'paritysi2', 'popcountdi2', 'popcountsi2'],
  ...['adddf3', 'addsf3', 'subdf3', 'subsf3', 'muldf3', 'mulsf3', 'divdf3', 'divsf3', 'negdf2', 'negsf2'],
  ...['comparedf2', 'comparesf2', 'extendsfdf2', 'truncdfsf2', 'powidf2', 'powisf2', 'fp_mode'],
  ...['fixdfdi', 'fixdfsi', 'fixsfdi', 'fixsfsi', 'fixunsdfdi', 'fixunsdfsi', 'fixunssfdi', 'fixunssfsi'],
  ...['floatdidf', 'floatdisf', 'floatsidf', 'floatsisf'],
  ...['floatundidf', 'floatundisf', 'floatunsidf', 'floatunsisf'],
];

/** What the ABI of ARM returns in registers of its own (Run-time ABI for the Arm Architecture, 4.3.1); with `.S`. */
const arm = ['aeabi_idivmod', 'aeabi_uidivmod', 'aeabi_ldivmod', 'aeabi_uldivmod'];

/**
 * Files below compiler-rt/lib/builtins.
 * @param {string} compiler prefix of the compiler that calls them
 */
export function builtinsFor(compiler) {
  return [
    ...portable.map((name) => `${name}.c`),
    ...(compiler.startsWith('arm') ? arm.map((name) => `arm/${name}.S`) : []),
  ];
}
