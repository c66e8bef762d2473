import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';

it('refuses a unit test that starts a process or opens a socket', () => {
  expect(() => spawn('true')).toThrow('a unit test starts a process: name its file *.integration.test.ts');
  for (const open of [
    () => createServer().listen(0),
    () => get('http://127.0.0.1/'),
    () => createSocket('udp4').bind(0),
  ])
    expect(open).toThrow('a unit test opens a socket: name its file *.integration.test.ts');
});
