import { spawnSync } from 'node:child_process';

/** Arguments of `openssl req` that make a key. */
export const newKey = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  /** A curve that is too small to be trusted. */
  p224: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp224r1'],
  rsa: ['-newkey', 'rsa:2048'],
  /** Too short to be trusted. */
  rsa1024: ['-newkey', 'rsa:1024'],
  'rsa-pss': ['-newkey', 'rsa-pss', '-pkeyopt', 'rsa_keygen_bits:2048'],
} as const;

export type KeyKind = keyof typeof newKey;

/** Runs the openssl program in a directory. */
export function openssl(args: readonly string[], directory: string): void {
  const { status, stderr, error } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${error?.message ?? stderr}`);
}
