// mbedTLS for a target, with the agent's configuration.
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached } from '../cache.mjs';
import { commonFlags, compileLibrary, regularFlags } from '../compile.mjs';
import { patchFolder, unpackedSource } from '../fetch-source.mjs';
import { sources } from '../sources.mjs';

/** Where rm_mbedtls_config.h is, which the C host shares. */
const ownInclude = fileURLToPath(new URL('../../agent/tiny/include', import.meta.url));

/** The inner loops of ciphers, digests and big numbers, which the compact instruction set would make slow. */
const arithmetic =
  /^(aes|aesni|aesce|bignum|bignum_core|chacha20|constant_time|ecp|ecp_curves|gcm|md5|poly1305|sha1|sha256|sha512)\.c$/;

/** Which of the three libraries a file belongs to. */
const libraries = [
  { name: 'libmbedtls.a', files: /^(debug|mps_\w+|net_sockets|ssl_\w+)\.c$/ },
  { name: 'libmbedx509.a', files: /^(pkcs7|x509\w*)\.c$/ },
  { name: 'libmbedcrypto.a', files: /^(?!(debug|mps_\w+|net_sockets|ssl_\w+|pkcs7|x509\w*)\.c$)\w+\.c$/ },
];

/**
 * A folder with `include` and `lib/libmbed{tls,x509,crypto}.a`.
 * @param {string} name of the target
 * @param {import('../targets.mjs').Target} target
 * @param {import('../compilers.mjs').Compiler} compiler
 * @param {import('./sysroot.mjs').Sysroot} sysroot
 * @param {readonly string[]} defines switches of our configuration
 */
export async function mbedtlsFor(name, target, compiler, sysroot, defines) {
  const inputs = {
    compiler: compiler.identity,
    flags: [target.cflags, target.compactFlags, target.libraryFlags, commonFlags, regularFlags, defines],
    sysroot: sysroot.key,
    source: sources.mbedtls.sha256,
    patches: (sources.mbedtls.patches ?? []).map((patch) => readFileSync(join(patchFolder, patch), 'utf8')),
    configuration: readFileSync(join(ownInclude, 'rm_mbedtls_config.h'), 'utf8'),
    layout: [String(arithmetic), libraries.map(({ files }) => String(files))],
  };
  return cached(`mbedtls-${name}`, inputs, async (folder) => {
    console.error(`Building mbedTLS for ${name} …`);
    const source = await unpackedSource('mbedtls');
    cpSync(join(source, 'include'), join(folder, 'include'), { recursive: true });
    const sourceFiles = readdirSync(join(source, 'library')).sort();
    for (const library of libraries) {
      await compileLibrary({
        compiler,
        flags: [
          ...target.cflags,
          ...commonFlags,
          ...sysroot.compileFlags,
          '-DMBEDTLS_CONFIG_FILE=<rm_mbedtls_config.h>',
          ...defines,
          `-I${ownInclude}`,
          `-I${join(source, 'include')}`,
          `-I${join(source, 'library')}`,
          `-ffile-prefix-map=${source}=mbedtls`,
        ],
        flagsOf: (file) =>
          arithmetic.test(file)
            ? (target.libraryFlags ?? [])
            : [...(target.compactFlags ?? []), ...regularFlags],
        files: sourceFiles
          .filter((file) => library.files.test(file))
          .map((file) => join(source, 'library', file)),
        output: join(folder, 'lib', library.name),
      });
    }
  });
}
