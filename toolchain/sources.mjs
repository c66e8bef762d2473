// What goes into the executables besides our own code: pinned by version and SHA-256, fetched once, never committed.

/**
 * @typedef {object} Source
 * @property {string} version
 * @property {string} file name of the archive as Debian carries it
 * @property {string} pool its folder in a Debian archive, below `pool/`
 * @property {string} sha256
 * @property {string} licence SPDX expression
 * @property {string} cpe vendor and product in the CPE dictionary, which lists of vulnerabilities use
 * @property {string} licenceFile where the text of the licence is, inside the archive
 * @property {readonly string[]} [notices] files that are compiled in and begin with a licence of their own, which `licenceFile`
 *   does not have
 * @property {string} [only] the one folder of the archive that is unpacked
 * @property {readonly string[]} [patches] files in toolchain/tiny/patches
 */

/** @type {Readonly<Record<'musl' | 'quickjs' | 'quickjs-ng' | 'mbedtls' | 'compiler-rt', Source>>} */
export const sources = {
  musl: {
    version: '1.2.5',
    file: 'musl_1.2.5.orig.tar.gz',
    pool: 'main/m/musl',
    sha256: 'a9a118bbe84d8764da0ea0d28b3ab3fae8477fc7e4085d90102b8596fc7c75e4',
    licence: 'MIT AND BSD-2-Clause',
    cpe: 'musl-libc:musl',
    licenceFile: 'COPYRIGHT',
    notices: ['src/string/arm/memcpy.S'],
    patches: ['musl-print-without-floating-point.patch'],
  },
  quickjs: {
    version: '2025.04.26',
    file: 'quickjs_2025.04.26.orig.tar.xz',
    pool: 'main/q/quickjs',
    sha256: 'ec81da5b3249ed648dbc7df4a1654988910e66a118d9b71cb63534216efcfbbe',
    licence: 'MIT',
    cpe: 'quickjs_project:quickjs',
    licenceFile: 'LICENSE',
    patches: [
      'quickjs-without-atomics.patch',
      'quickjs-unchecked-lexicals.patch',
      'quickjs-fast-interpreter.patch',
      'quickjs-small-library.patch',
      'quickjs-small-functions.patch',
      'quickjs-without-async.patch',
    ],
  },
  'quickjs-ng': {
    version: '0.16.2',
    file: 'quickjs-ng_0.16.2.orig.tar.gz',
    pool: 'main/q/quickjs-ng',
    sha256: '6ee0c983477c9b145909d873ed1a57422001927f7706b63859abf8e816d2d88c',
    licence: 'MIT',
    cpe: 'quickjs-ng:quickjs',
    licenceFile: 'LICENSE',
    patches: ['quickjs-ng-fast-interpreter.patch'],
  },
  mbedtls: {
    // Not an older 3.6: before 3.6.7, TLS 1.2 fails with servers that sign with RSA-PSS (error -0x6600).
    version: '3.6.7',
    file: 'mbedtls_3.6.7.orig.tar.bz2',
    pool: 'main/m/mbedtls',
    sha256: 'a7e8bcbec0e6f761b4af24f25677626b35f762f68eef79c08677a363212d11f6',
    licence: 'Apache-2.0 OR GPL-2.0-or-later',
    cpe: 'arm:mbed_tls',
    licenceFile: 'LICENSE',
    patches: ['mbedtls-rsa-pss-keys.patch', 'mbedtls-critical-extensions.patch'],
  },
  'compiler-rt': {
    version: '14.0.6',
    file: 'llvm-toolchain-14_14.0.6.orig.tar.xz',
    pool: 'main/l/llvm-toolchain-14',
    sha256: 'd9bce5f42381d781e273c724db1ab0acd66259bf2782b79891664dbf1953d22c',
    licence: 'Apache-2.0 WITH LLVM-exception',
    cpe: 'llvm:compiler-rt',
    licenceFile: 'LICENSE.TXT',
    only: 'compiler-rt',
  },
};
