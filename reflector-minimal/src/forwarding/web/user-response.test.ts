import { createServer, type ServerResponse } from 'node:http';
import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import type { ResponseHead } from '../../device-http/response-head.ts';
import { sendRefusal } from '../../http/refusal.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { UserResponse } from './user-response.ts';

/** What goes out on the wire, one character a byte. */
async function written(respond: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_request, response) => respond(response));
  const [ours, user] = duplexPair();
  server.emit('connection', ours);
  user.end('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  let text = '';
  for await (const piece of user.setEncoding('latin1')) text += piece;
  return text;
}

const head: ResponseHead = {
  version: '1.1',
  status: 200,
  reason: 'OK',
  headers: [],
  framing: 'length',
  length: 2,
  keepAlive: true,
};

test.each(['plain.txt', 'gerät.txt', '配置.bin', '€', '\xfc in ISO 8859-1'])(
  'a file name arrives byte for byte: %s',
  async (name) => {
    const bytes = name.startsWith('\xfc') ? name : Buffer.from(name).toString('latin1');
    for (const field of ['Content-Disposition', 'content-disposition']) {
      const line = `attachment; filename="${bytes}"`;
      const text = await written((response) => {
        const user = new UserResponse(response, () => {});
        user.begin(head, ['Content-Length', '2', 'X-Before', 'a', field, line, 'X-Behind', 'b']);
        user.write(Buffer.from('ok'), true);
        user.end();
      });
      expect(text.split('\r\n').slice(0, 5)).toEqual([
        'HTTP/1.1 200 OK',
        `${field}: ${line}`,
        'Content-Length: 2',
        'X-Before: a',
        'X-Behind: b',
      ]);
      expect(text.endsWith('\r\n\r\nok')).toBe(true);
    }
  },
);

test('a refusal in the place of a head that could not be written has a reason of its own', async () => {
  const text = await written((response) => {
    expect(() => response.writeHead(200, 'Fine', ['X', '\0'])).toThrow();
    sendRefusal(response.req, response, refusals.failed);
  });
  expect(text.split('\r\n')[0]).toBe('HTTP/1.1 500 Internal Server Error');
});
