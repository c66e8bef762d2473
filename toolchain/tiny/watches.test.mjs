import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const sources = ['../../agent/tiny/src', '../../agent/sdk/c/src'].flatMap((path) => {
  const folder = fileURLToPath(new URL(path, import.meta.url));
  return readdirSync(folder)
    .filter((file) => file.endsWith('.c') && file !== 'loop.c')
    .map((file) => ({ file, text: readFileSync(`${folder}/${file}`, 'utf8') }));
});

/**
 * The lines that give a watch a descriptor on their own, or let somebody else do so; it may be taken away.
 * @param {string} text
 */
const unnoted = (text) =>
  text
    .split('\n')
    .filter((line) => /watch(\.|->)fd = (?!-1;|\w+ = -1;)|&[\w.>-]*watch(\.|->)fd\b/.test(line));

it('watches get their descriptors by rm_watch_open alone, which notes them for the end of an engine that has failed', () => {
  expect(sources.length).toBeGreaterThan(20);
  expect(sources.flatMap(({ file, text }) => unnoted(text).map((line) => `${file}: ${line.trim()}`))).toEqual(
    [],
  );
});

it.each([
  ['  child->watch.fd = open();', true],
  ['  watch->fd = fd;', true],
  ['  error = listen_at(&l->address, &l->watch.fd);', true],
  ['  l->watch.fd = -1;', false],
  ['  wake_watch.fd = wake_descriptor = -1;', false],
  ['  if (watch->fd == -1) read(s->watch.fd, bytes, size);', false],
])('%s', (line, isOne) => {
  expect(unnoted(line)).toEqual(isOne ? [line] : []);
});
