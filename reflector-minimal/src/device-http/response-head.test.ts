import { expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { type Read, read } from '../testing/read-response.ts';
import { ResponseReader } from './response-reader.ts';

/*
 * Answers of devices that break HTTP, which browsers show all the same. For each: what the user's side makes of it, and
 * why. The question is whether two readers can differ in a way that hurts anybody: what the user gets is framed anew from
 * our reading, and the connection to the device carries requests of one user only, so mostly they cannot.
 */

const ok = (headers: string, body = 'ok'): Read => ({ status: 200, headers, body, trailers: '' });

const answers: Record<string, readonly [bytes: string, result: Read | string, reason: string]> = {
  'lines that end with LF alone': [
    'HTTP/1.1 200 OK\r\nContent-Type: text/html\n\nok',
    ok('Content-Type|text/html|close'),
    'shell scripts behind BusyBox, mini_httpd and Python; the lines are the same for all',
  ],
  'LF alone everywhere': [
    'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
    ok('Content-Length|2|length'),
    'as before',
  ],
  'two equal lengths': [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    ok('Content-Length|2|length'),
    'RFC 9110 section 8.6: they say the same',
  ],
  'a list of equal lengths': [
    'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok',
    ok('Content-Length|2|length'),
    'as before',
  ],
  'two lengths': [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
    'it has two lengths, 2 and 3',
    'nobody knows whether the content is whole; browsers refuse it, too',
  ],
  'an empty length': [
    'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok',
    ok('close'),
    'it says nothing; the end of the connection does',
  ],
  'a negative length': [
    'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok',
    ok('close'),
    'devices write their "unknown" so; as before',
  ],
  'a length with zeros in front': [
    'HTTP/1.1 200 OK\r\nContent-Length: 0002\r\n\r\nok',
    ok('Content-Length|2|length'),
    'passed on in the canonical form',
  ],
  'a length with a sign': [
    'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok',
    'its Content-Length is “+2”',
    'some read 2, others nothing, so a part could pass for the whole',
  ],
  'a length of words': [
    'HTTP/1.1 200 OK\r\nContent-Length: 2 bytes\r\n\r\nok',
    'its Content-Length is “2 bytes”',
    'as before',
  ],
  'U+00A0 behind a length': [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\xa0\r\n\r\nok',
    'its Content-Length is “2?”',
    'a blank for some programming languages, and none in HTTP',
  ],
  'UTF-8 that ends with the byte A0': [
    'HTTP/1.1 200 voil\xc3\xa0\r\nLocation: /voil\xc3\xa0\r\nX\xa0: a\r\nContent-Length: 2\r\n\r\nok',
    ok('Location|/voil\xc3\xa0|Content-Length|2|length'),
    'raw UTF-8 passes byte for byte',
  ],
  'length beside chunks': [
    'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ok('Transfer-Encoding|chunked|chunked'),
    'LuCI; all readers prefer the chunks (RFC 9112 section 6.3), and the connection ends behind it',
  ],
  'chunked twice': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ok('Transfer-Encoding|chunked|Transfer-Encoding|chunked|chunked'),
    'the server repeats what its script has said; browsers and curl take it as once',
  ],
  'identity as coding': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok',
    ok('Transfer-Encoding|identity|close'),
    'RFC 2616: no coding at all',
  ],
  'another coding': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'its transfer coding is “gzip”',
    'curl would unpack it and browsers not: coded bytes would pass for the content',
  ],
  'chunks in HTTP/1.0': [
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'HTTP/1.0 has no chunks',
    'curl unpacks the chunks, browsers show them: nobody knows which is the content',
  ],
  'a blank before the colon': [
    'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok',
    ok('Content-Length|2|length'),
    'RFC 9112 section 5.1: a proxy removes it from responses',
  ],
  'a folded line': [
    'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\tc\r\nContent-Length: 2\r\n\r\nok',
    ok('X|a b c|Content-Length|2|length'),
    'RFC 9112 section 5.2: a proxy makes one line of it',
  ],
  'a folded length': [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n 3\r\n\r\nok',
    'its Content-Length is “2 3”',
    'one reader sees 2, another 23',
  ],
  'a blank before the first header': [
    'HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 2\r\n\r\nok',
    ok('Content-Length|2|length'),
    'RFC 9112 section 2.2: such a line is skipped',
  ],
  'no reason': [
    'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok',
    ok('Content-Length|2|length'),
    'nobody reads it',
  ],
  'lower-case HTTP': [
    'http/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
    ok('Content-Length|2|length'),
    'it can mean nothing else',
  ],
  'a version without its second number': [
    'HTTP/1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    ok('Content-Length|2|length'),
    'read as HTTP/1.0, which promises least',
  ],
  'HTTP/1.2': [
    'HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok',
    ok('Content-Length|2|length'),
    'RFC 9110 section 2.5: as the highest that is known',
  ],
  ICY: [
    'ICY 200 OK\r\nContent-Type: audio/mpeg\r\n\r\nok',
    ok('Content-Type|audio/mpeg|close'),
    'radios and cameras; read as HTTP/1.0',
  ],
  'two blanks in the status line': [
    'HTTP/1.1  200  OK\r\nContent-Length: 2\r\n\r\nok',
    ok('Content-Length|2|length'),
    'it can mean nothing else',
  ],
  'no blank behind the status': [
    'HTTP/1.1 200OK\r\nContent-Length: 2\r\n\r\nok',
    ok('Content-Length|2|length'),
    'three digits are the status for everybody',
  ],
  'empty lines before the head': [
    '\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    ok('Content-Length|2|length'),
    'left over from a script; skipped by all, and bounded',
  ],
  'a line without a colon': [
    'HTTP/1.1 200 OK\r\nsh: warning\r\nno colon here\r\nContent-Length: 2\r\n\r\nok',
    ok('sh|warning|Content-Length|2|length'),
    'what a script says to its error output; browsers skip it, and nobody gets it',
  ],
  'a name with a blank': [
    'HTTP/1.1 200 OK\r\nContent Length: 9\r\n: x\r\nContent-Length: 2\r\n\r\nok',
    ok('Content-Length|2|length'),
    'no header for anybody; as before',
  ],
  'a control byte in a value': [
    'HTTP/1.1 200 O\x01K\r\nX: a\x07b\r\nContent-Length: 2\r\n\r\nok',
    ok('X|a b|Content-Length|2|length'),
    'RFC 9110 section 5.5: a blank takes its place',
  ],
  'NUL in a value': [
    'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\nok',
    'header line 1 holds a NUL',
    'for some readers the value ends there, so another cookie or address is seen',
  ],
  'a bare CR': [
    'HTTP/1.1 200 OK\r\nY: 1\r\nX: a\rSet-Cookie: b\r\n\r\nok',
    'header line 2 holds a carriage return',
    'for some readers a new header begins there',
  ],
  'no status': [
    'HTTP/1.1\r\n\r\nok',
    'its status line is “HTTP/1.1”',
    'browsers take it as 200, programs not',
  ],
  'a status of four digits': [
    'HTTP/1.1 2000 OK\r\n\r\nok',
    'its status line is “HTTP/1.1 2000 OK”',
    'as before',
  ],
  'a status below 100': ['HTTP/1.1 099 OK\r\n\r\nok', 'its status is 099', 'it is none'],
  'HTTP/2.0': ['HTTP/2.0 200 OK\r\n\r\nok', 'it speaks HTTP/2.0', 'another protocol'],
  'no HTTP': [
    'SSH-2.0-dropbear\r\n',
    'it begins with “SSH-2.0-dropbear”',
    'a wrong port; as HTTP/0.9 it would be a page',
  ],
  'no empty line behind the head': [
    'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n',
    'its head has no end',
    'headers may be missing; browsers show it without TLS and refuse it with TLS',
  ],
  'no HTTP, and no end of a line': [
    '<p>ok',
    'it begins with “<p>ok”',
    'HTTP/0.9, in which an error would be the content',
  ],
  'extensions of chunks': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n02 ;x="\\"y"\r\nok\r\n0;z\r\n\r\n',
    ok('Transfer-Encoding|chunked|chunked'),
    'RFC 9112 section 7.1.1: of one hop only, so dropped',
  ],
  'zeros in front of the size of a chunk': [
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'2'.padStart(16, '0')}\r\nok\r\n${'0'.repeat(16)}\r\n\r\n`,
    ok('Transfer-Encoding|chunked|chunked'),
    'written with as many digits as a 64-bit number has; it means the same',
  ],
  'blanks behind the size of a chunk': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2  \r\nok\r\n0  \r\n\r\n',
    ok('Transfer-Encoding|chunked|chunked'),
    'old servers fill up with them; they mean nothing',
  ],
  'chunks with LF alone': [
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n',
    ok('Transfer-Encoding|chunked|chunked'),
    'the sizes leave no choice',
  ],
  'a chunk without a size': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok',
    'a chunk has no size',
    'strtol() reads 2, others 0, which is the end',
  ],
  'a chunk longer than its size': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n',
    'a chunk is longer than its size',
    'what is lost is seen',
  ],
  'no empty line behind the last chunk': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n',
    ok('Transfer-Encoding|chunked|chunked'),
    'the content is whole',
  ],
  'no last chunk': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n',
    { status: 200, headers: 'Transfer-Encoding|chunked|chunked', body: 'ok' },
    'what is lost is seen',
  ],
  'odd trailers': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX : 1\r\nContent-Length: 7, 8\r\nnone\r\n\r\n',
    { ...ok('Transfer-Encoding|chunked|chunked'), trailers: 'X|1|Content-Length|7, 8' },
    'read as headers are; those that would frame are not passed on',
  ],
  'NUL in a trailer': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: \0\r\n\r\n',
    ok('Transfer-Encoding|chunked|chunked'),
    'browsers do not look at trailers; nobody gets these',
  ],
};

test.each(Object.entries(answers))('%s', (_name, [bytes, result]) => {
  expect(read(bytes)).toEqual(result);
  expect(read(bytes, 1)).toEqual(result);
});

test.each([
  ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'Content-Length|5|none'],
  ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'Transfer-Encoding|chunked|none'],
  ['GET', 'HTTP/1.1 204 None\r\nContent-Length: 5\r\n\r\n', 'Content-Length|5|none'],
  ['GET', 'HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n', 'Content-Length|5|none'],
])('%s of %j has no body', (method, bytes, headers) => {
  expect(read(`${bytes}more`, 5, method)).toMatchObject({ headers, body: '', trailers: '' });
});

test.each([
  ['HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', true],
  ['HTTP/1.1 200\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n', false],
  ['HTTP/1.0 200\r\nContent-Length: 0\r\n\r\n', false],
  ['HTTP/1.0 200\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n', true],
  ['HTTP/1.1 200\r\n\r\n', false],
  ['HTTP/1.1 200\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n', false],
])('whether the connection goes on behind %j: %s', (bytes, goesOn) => {
  let keepAlive: boolean | null = null;
  const nothing = () => {};
  new ResponseReader('GET', false, defaultLimits, {
    interim: nothing,
    switched: nothing,
    body: nothing,
    end: nothing,
    head: (head) => {
      keepAlive = head.keepAlive;
    },
  }).receive(Buffer.from(bytes));
  expect(keepAlive).toBe(goesOn);
});
