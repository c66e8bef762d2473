import { expect, test } from 'vitest';
import { endOf } from '../connection/end.ts';
import { type Ended, endOfDesktop } from './end-of-desktop.ts';

const nothing: Ended = { connection: null, refused: null, hasAnswered: false, wasShown: false };

test.each<[string, Partial<Ended>, string, boolean]>([
  [
    'a wrong password',
    { refused: 'Authentication failed', hasAnswered: true },
    'desktop.wrongPassword',
    true,
  ],
  ['too many wrong ones before', { refused: 'Too many security failures' }, 'desktop.refused', true],
  ['no server on the port', { connection: endOf(4502, 'x') }, 'end.refused', true],
  ['no right', { connection: endOf(4403, 'x') }, 'end.forbidden', false],
  ['a device that goes away', { connection: endOf(1011, ''), wasShown: true }, 'end.broken', true],
  ['a server that is no VNC server', {}, 'desktop.notVnc', false],
  ['a picture that cannot be read', { wasShown: true }, 'desktop.broken', true],
  [
    'a refusal that closes the connection too',
    { refused: '', hasAnswered: true, connection: endOf(1000, '') },
    'desktop.wrongPassword',
    true,
  ],
])('%s', (_, ended, key, again) => {
  expect(endOfDesktop({ ...nothing, ...ended })).toMatchObject({ key, again });
});
