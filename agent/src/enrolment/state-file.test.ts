import { utf8Decode } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { SimulatedFiles } from '../../simulation/host.ts';
import { changeState, noState, readState } from './state-file.ts';

const path = '/var/lib/rm-agent.state';
const certificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';

function holding(text: string): SimulatedFiles {
  const files = new SimulatedFiles();
  files.content.set(path, ascii(text));
  return files;
}

describe('the state file', () => {
  it.each(['', 'enabled\n', 'disabled', ' enabled \n\n'])(
    'may be what it was before enrolments: %j',
    (text) => {
      const word = text.trim();
      expect(readState(holding(text), path)).toEqual({ ...noState, persisted: word === '' ? null : word });
    },
  );

  it('is nothing where there is no file', () => {
    expect(readState(new SimulatedFiles(), path)).toEqual(noState);
    expect(readState(new SimulatedFiles(), null)).toEqual(noState);
  });

  it.each(['maybe', 'secret', 'device a@b', 'enabled\n<html>'])('refuses %j', (text) => {
    expect(() => readState(holding(text), path)).toThrow('allowed is "enabled" or "disabled"');
  });

  it('keeps each fact when another changes', () => {
    const files = new SimulatedFiles();
    const enrolled = { user: 'dev1@dom', hardware: 'ab', renewAt: 7 };
    changeState(files, path, { persisted: 'enabled' });
    expect(utf8Decode(files.read(path, 100))).toBe('enabled\n');
    changeState(files, path, { secret: 's3cret' });
    changeState(files, path, { enrolled, pem: certificate });
    const all = changeState(files, path, { persisted: 'disabled' });
    expect(all).toEqual({ persisted: 'disabled', secret: 's3cret', enrolled, pem: certificate });
    expect(readState(files, path)).toEqual(all);
    expect(utf8Decode(files.read(path, 1000))).toBe(
      `disabled\nsecret s3cret\ndevice dev1@dom ab 7\n${certificate}\n`,
    );
  });
});
