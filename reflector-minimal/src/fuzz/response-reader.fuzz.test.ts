import { expect, test } from 'vitest';
import { fuzzTimeout, Random, runs, seed } from '../testing/random.ts';
import { exampleResponses as examples, read } from '../testing/read-response.ts';

test('whatever a device sends, only InvalidAnswer leaves the reader', { timeout: fuzzTimeout }, () => {
  const random = new Random(seed);
  const likely = [
    '\r\n',
    '\n',
    '\r',
    '\0',
    ' ',
    ':',
    '0',
    '-1',
    'HTTP/1.0',
    ';',
    '\xff',
    'Content-Length: 1\r\n',
    '101',
    '204',
  ];
  const rounds = runs(20_000);
  for (let round = 0; round < rounds; round++) {
    const bytes = random.damage(random.damage(random.pick(examples), likely), likely);
    const result = read(bytes, 1 + random.below(bytes.length + 1));
    if (typeof result === 'string') continue;
    // What is passed on is safe in any head.
    expect(result.headers).toMatch(/^[\t\x20-\x7e\x80-\xff]*$/);
  }
});
