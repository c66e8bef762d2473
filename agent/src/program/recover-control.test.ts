import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { SimulatedHost } from '../../simulation/host.ts';
import { recoverControl } from './recover-control.ts';

const path = '/etc/rm-agent.json';
const byDefault = '/run/rm-agent.sock';

function recovered(text: string | null, at = path): string | null | undefined {
  const host = new SimulatedHost();
  if (text !== null) host.files.content.set(at, ascii(text));
  return recoverControl(host, at);
}

describe('the control socket of a wrong configuration', () => {
  it.each([
    ['another key is wrong', '{ "reflector": 1, "control": "/run/a.sock" }', '/run/a.sock'],
    ['an unknown key is there', '{ "control": "/run/a.sock", "nonsense": 1 }', '/run/a.sock'],
    [
      'the mistake stands before it',
      '{ "device": { "id": "a" "b" },\n"control" : "/run/a.sock",',
      '/run/a.sock',
    ],
    ['the mistake stands behind it', '{ "control": "/run/a.sock", "device": {', '/run/a.sock'],
    ['it is given twice', '{ "control": "/run/a.sock", "control": "/run/b.sock" }', '/run/a.sock'],
    ['variables are in it', '{ "control": "/run/${hostname}.sock" ', '/run/board.sock'],
    ['characters of it are escaped', '{ "control": "\\/run\\/a.sock", ', '/run/a.sock'],
    [
      'another is commented out',
      '{ "a" 1,\n  // "control": "/run/b.sock",\n/* "control": "/run/c.sock",\n */ "control": "/run/a.sock",',
      '/run/a.sock',
    ],
    ['its line has an address', '{ "a" 1, "b": "http://x/", "control": "/run/a.sock",', '/run/a.sock'],
    ['it is commented out', '{ "reflector": 1,\n  // "control": "/run/b.sock"\n}', byDefault],
    ['it is null', '{ "control": null, ', null],
    ['another object has a key of its name', '{ "device": { "control": "/run/b.sock" } }', byDefault],
    ['it is not given', '{ "reflector": 1 }', byDefault],
    ['nothing is left of the file', '', byDefault],
    ['the file is binary', '\x00\xff\xfe', byDefault],
  ])('is found when %s', (_what, text, control) => {
    expect(recovered(text)).toBe(control);
  });

  it.each([
    ['no absolute path', '{ "control": "run" }'],
    ['no text', '{ "control": 5 }'],
    ['without an end', '{ "control": "/run/a.sock\n}'],
    ['of a variable that is not there', '{ "control": "/${env.NONE}" }'],
    ['too long', `{ "control": "/${'x'.repeat(101)}" }`],
  ])('is unknown when it is %s', (_what, text) => {
    expect(recovered(text)).toBeUndefined();
  });

  it('is the default when the default file is gone, and unknown when another is', () => {
    expect(recovered(null)).toBe(byDefault);
    expect(recovered(null, '/etc/typo.json')).toBeUndefined();
  });
});
