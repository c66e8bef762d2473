import { describe, expect, test } from 'vitest';
import { ask, host, kept, open, sawOpen, upgrade, webSocket } from '../../testing/plain-requests.ts';
import { RawEnds } from '../../testing/raw-ends.ts';
import { extensions } from '../../testing/stage.ts';
import { until } from '../../testing/until.ts';

/*
 * The tables of what a hostile device sends, byte for byte, with what the other side saw. Each is refused, or passed on so
 * that it can be read in one way only. What browsers read of devices is framed anew (`response-head.test.ts`).
 */

const answers: Record<string, { readonly said: string; readonly got: string }> = {
  'two lengths': { said: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok', got: '502' },
  'a list of lengths': {
    said: 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok',
    got: '200 Content-Length: 2|ok',
  },
  'length and coding': {
    said: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    got: '200 Transfer-Encoding: chunked|2|ok|0||',
  },
  'another coding': {
    said: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    got: '502',
  },
  'a coding that does not end': {
    said: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok',
    got: '200 Transfer-Encoding: chunked|2|ok|0||',
  },
  'a coding in HTTP/1.0': {
    said: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    got: '502',
  },
  'extensions of chunks are dropped': {
    said: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n02;x="y"\r\nok\r\n0\r\n\r\n',
    got: '200 Transfer-Encoding: chunked|2|ok|0||',
  },
  'trailers with an effect beyond the response': {
    said: [
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: 1\r\nSet-Cookie: a\r\nAlt-Svc: h2=":1"',
      'Clear-Site-Data: "cookies"\r\nX-Accel-Redirect: /a\r\nCDN-Cache-Control: public\r\nContent-Length: 7\r\n\r\n',
    ].join('\r\n'),
    got: '200 Transfer-Encoding: chunked|2|ok|0|X: 1||',
  },
  'a broken chunk': { said: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok', got: 'cut' },
  'a body longer than its length': {
    said: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokGARBAGE',
    got: '200 Content-Length: 2|ok',
  },
  'a second response': {
    said: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
    got: '200 Content-Length: 2|ok',
  },
  'a body shorter than its length': { said: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok', got: 'cut' },
  'a length of 204': { said: 'HTTP/1.1 204 None\r\nContent-Length: 4\r\n\r\n', got: '204 ' },
  'NUL in a value': { said: 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok', got: '502' },
  'bare CR in a value': { said: 'HTTP/1.1 200 OK\r\nX: a\rY: b\r\nContent-Length: 2\r\n\r\nok', got: '502' },
  'a folded value': {
    said: 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok',
    got: '200 Content-Length: 2|ok',
  },
  'a control byte in the reason': {
    said: 'HTTP/1.1 200 \x01\r\nContent-Length: 2\r\n\r\nok',
    got: '200 Content-Length: 2|ok',
  },
  'an oversized head': { said: `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(70_000)}\r\n\r\n`, got: '502' },
  'cookies beyond the head': {
    said: `HTTP/1.1 200 OK\r\n${'Set-Cookie: aaaaaaaaaaaaaaaa=b\r\n'.repeat(3_000)}Content-Length: 2\r\n\r\nok`,
    got: '502',
  },
  'a status of four digits': { said: 'HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok', got: '502' },
  'a status below 100': { said: 'HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok', got: '502' },
  'HTTP/2.0': { said: 'HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok', got: '502' },
  'no HTTP': { said: 'SSH-2.0-dropbear\r\n', got: '502' },
  '101 that nobody asked for': {
    said: 'HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nraw bytes',
    got: '502',
  },
  'names in Connection': {
    said: 'HTTP/1.1 200 OK\r\nConnection: close, X-Hop, Content-Length\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nok',
    got: '200 Content-Length: 2|ok',
  },
  'interim responses without end': { said: 'HTTP/1.1 102 Wait\r\n\r\n'.repeat(10_000), got: '502' },
  'early hints that would split the response': {
    said: 'HTTP/1.1 103 Hints\r\nLink: <a>; rel=preload\rX: y\r\n\r\n',
    got: '502',
  },
};

const okBehind = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** Heads that `node:http` throws at, or never comes back from, when it is to write them. */
const heads: typeof answers = {
  'early hints named as members of every object': {
    said: `HTTP/1.1 103 Hints\r\nConstructor: a\r\n__proto__: b\r\nhasOwnProperty: c\r\n\r\n${okBehind}`,
    got: '200 Content-Length: 2|ok',
  },
  'early hints with a link that takes exponential time': {
    said: `HTTP/1.1 103 Hints\r\nLink: <a>${';a=a=a=a'.repeat(40)}"\r\n\r\n${okBehind}`,
    got: '200 Content-Length: 2|ok',
  },
  'early hints with a length': {
    said: `HTTP/1.1 103 Hints\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${okBehind}`,
    got: '200 Content-Length: 2|ok',
  },
  'Trailer beside Content-Length': {
    said: 'HTTP/1.1 200 OK\r\nTrailer: X\r\nContent-Length: 2\r\n\r\nok',
    got: '200 Content-Length: 2|ok',
  },
  'Trailer without a body': { said: 'HTTP/1.1 204 None\r\nTrailer: X\r\n\r\n', got: '204 ' },
  'headers named as members of every object': {
    said: 'HTTP/1.1 200 OK\r\n__proto__: a\r\nconstructor: b\r\ntoString: c\r\nContent-Length: 2\r\n\r\nok',
    got: '200 Content-Length: 2|ok',
  },
};
Object.assign(answers, heads);

/** As {@link answers} of a request for an upgrade. */
const upgradeAnswers: typeof answers = {
  '101 to another protocol': {
    said: 'HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nraw',
    got: '502',
  },
  '101 that names no protocol': { said: 'HTTP/1.1 101 Yes\r\n\r\nraw', got: '502' },
  'a control byte in the reason': {
    said: 'HTTP/1.1 101 \x01\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    got: '101 ',
  },
  'a control byte in the reason of a refusal': {
    said: 'HTTP/1.1 403 \x01\r\nContent-Length: 2\r\n\r\nno',
    got: '403 Content-Length: 2|no',
  },
  'a refusal framed twice': {
    said: 'HTTP/1.1 403 No\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
    got: '403 Transfer-Encoding: chunked|2|no|0||',
  },
  ...heads,
  'interim responses without end': { said: 'HTTP/1.1 102 Wait\r\n\r\n'.repeat(10_000), got: '502' },
  'a status below 200 as the last': { said: 'HTTP/1.1 099 OK\r\n\r\n', got: '502' },
};

const ends = new RawEnds();

/** What the user saw: status, framing and body; or that the response was cut short. */
function summary(received: string): string {
  const [top = '', ...rest] = received.split('\r\n\r\n');
  const status = /^HTTP\/1\.1 (\d+)/.exec(top)?.[1] ?? 'cut';
  if (status === '502' || status === 'cut') return status;
  const framing = /^(?:Content-Length|Transfer-Encoding): .*$/gim.exec(top)?.[0] ?? '';
  const body = rest.join('\r\n\r\n');
  const length = /^Content-Length: (\d+)/i.exec(framing)?.[1];
  if (length !== undefined && body.length < Number(length)) return 'cut';
  if (/chunked/.test(framing) && !/\r\n0\r\n(?:.+\r\n)*\r\n$/.test(body)) return 'cut';
  return `${status} ${framing}${body ? `|${body.replaceAll('\r\n', '|')}` : ''}`;
}

describe('a hostile device', () => {
  test.each(Object.entries(answers))('%s', async (_name, { said, got }) => {
    ends.device.answer = (_request, connection) => {
      connection.send(said);
      connection.end();
      return null;
    };
    ends.user.send(ask(''));
    const received = (await ends.user.whole()).replace(/^(?:HTTP\/1\.1 1\d\d [\s\S]*?\r\n\r\n)+/, '');
    expect(summary(received)).toBe(got);
    await until(() => ends.device.open === 0);
  });

  test.each(Object.entries(upgradeAnswers))('of an upgrade: %s', async (_name, { said, got }) => {
    ends.device.answer = (_request, connection) => {
      connection.send(said);
      connection.end();
      return null;
    };
    ends.user.send(upgrade(webSocket));
    expect(summary(await ends.user.whole())).toBe(got);
    await until(() => ends.device.open === 0);
  });

  test('who speaks on an idle connection does not answer the next request on it', async () => {
    ends.user.send(open);
    await until(() => ends.user.statuses.length === 1);
    const [idle] = ends.device.connections;
    idle?.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await until(() => idle?.ended);
    ends.user.send(ask('', '/2'));
    expect(await ends.user.whole()).not.toContain('evil');
    expect(ends.device.saw).toEqual([sawOpen, `GET /2 HTTP/1.1\r\n${host}${kept}`]);
  });

  test('bytes behind a response end its connection', async () => {
    ends.device.answer = () =>
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
    ends.user.send(`${open}${ask('', '/2')}`);
    await ends.user.whole();
    expect(ends.user.statuses).toEqual([200, 200]);
    expect(ends.device.saw).toEqual([sawOpen, `GET /2 HTTP/1.1\r\n${host}${kept}`]);
  });

  test('what it said before it was asked is no answer', async () => {
    const early = await ends.stage.agent({ extensions, properties: [{ name: 'targetPorts', value: '80' }] });
    early.onFrame = ({ opcode, channel }) => {
      if (opcode === 0x01) {
        early.data(channel, 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
        early.confirm(channel);
      }
    };
    ends.user.send(ask(''));
    expect(summary(await ends.user.whole())).toBe('502');
    early.destroy();
  });
});
