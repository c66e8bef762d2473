import { createHash, randomFillSync } from 'node:crypto';
import { maskWords } from 'rm-protocol';
import type { Crypto } from '../src/host.ts';

const hashNames = { 'sha-1': 'sha1', 'sha-256': 'sha256', md5: 'md5' } as const;

export const crypto: Crypto = {
  random: (bytes) => {
    randomFillSync(bytes);
  },

  digest: (algorithm, data) => createHash(hashNames[algorithm]).update(data).digest(),

  mask: maskWords,
};
