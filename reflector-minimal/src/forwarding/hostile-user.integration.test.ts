import { describe, expect, test } from 'vitest';
import {
  ask,
  forwarded,
  head,
  host,
  kept,
  login,
  open,
  sawOpen,
  upgrade,
  webSocket,
} from '../testing/plain-requests.ts';
import { RawEnds } from '../testing/raw-ends.ts';
import { Incomplete, readStrictly } from '../testing/strict-http.ts';
import { until } from '../testing/until.ts';

/*
 * The tables of what a hostile user sends, byte for byte, with what the other side saw. Each is refused, or passed on so
 * that it can be read in one way only: nothing is reinterpreted.
 */

const get = `GET / HTTP/1.1\r\n${host}${kept}`;
const chunked = `POST / HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n`;
const rechunked = `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n${kept}`;

interface Row {
  readonly sent: string;
  /** Status of each answer, in order; the connection is closed after the last. */
  readonly got: readonly number[];
  /** All bytes that the device has received, connection by connection; nothing when left out. */
  readonly saw?: readonly string[];
}

const post = (lines: string, body: string, version = '1.1') =>
  `POST / HTTP/${version}\r\n${head}${lines}\r\n${body}`;
const smuggled = `GET /smuggled HTTP/1.1\r\n${host}\r\n`;

/** Methods without a body must not gain one: WebDAV servers answer 415 to what looks like a body. */
const withoutBody = Object.fromEntries(
  ['MKCOL', 'COPY', 'MOVE', 'PROPFIND', 'UNLOCK', 'SUBSCRIBE', 'NOTIFY', 'REPORT', 'PURGE', 'DELETE'].map(
    (method): [string, Row] => [
      `${method} without a body`,
      { sent: ask('', '/', method), got: [200], saw: [`${method} / HTTP/1.1\r\n${host}${kept}`] },
    ],
  ),
);

/** What `node:http` throws at when it is to write it. */
const announced: Record<string, Row> = {
  'Trailer without a body': {
    sent: ask('Trailer: X\r\n'),
    got: [200],
    saw: [`GET / HTTP/1.1\r\n${host}Trailer: X\r\n${kept}`],
  },
  'Trailer beside a length': {
    sent: post('Trailer: X\r\nContent-Length: 3\r\n', 'abc'),
    got: [200],
    saw: [`POST / HTTP/1.1\r\n${host}Trailer: X\r\nContent-Length: 3\r\n${kept}abc`],
  },
};

const lengths: Record<string, Row> = {
  'a length': {
    sent: post('Content-Length: 3\r\n', 'abc'),
    got: [200],
    saw: [`POST / HTTP/1.1\r\n${host}Content-Length: 3\r\n${kept}abc`],
  },
  'leading zeros are written anew': {
    sent: post('content-length: 0003\r\n', 'abc'),
    got: [200],
    saw: [`POST / HTTP/1.1\r\n${host}content-length: 3\r\n${kept}abc`],
  },
  'two lengths, equal': { sent: post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'), got: [400] },
  'two lengths, different': { sent: post('Content-Length: 3\r\nContent-Length: 0\r\n', 'abc'), got: [400] },
  'a list of lengths': { sent: post('Content-Length: 3, 3\r\n', 'abc'), got: [400] },
  'a sign': { sent: post('Content-Length: +3\r\n', 'abc'), got: [400] },
  'a negative length': { sent: post('Content-Length: -3\r\n', 'abc'), got: [400] },
  hexadecimal: { sent: post('Content-Length: 0x3\r\n', 'abc'), got: [400] },
  'an empty length': { sent: post('Content-Length: \r\n', ''), got: [400] },
  'digits apart': { sent: post('Content-Length: 3 3\r\n', 'abc'), got: [400] },
  'a length beyond 2^64': { sent: post('Content-Length: 99999999999999999999\r\n', 'abc'), got: [400] },
  'a length beyond 2^53': { sent: post('Content-Length: 9999999999999999\r\n', 'abc'), got: [400] },
  'a length that is declared to be of the connection': {
    sent: `GET / HTTP/1.1\r\n${host}${login}Connection: close, content-length\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    got: [400],
  },
  'a host that is declared to be of the connection': {
    sent: `GET / HTTP/1.1\r\n${host}${login}Connection: Host\r\n\r\n`,
    got: [400],
  },
  'a length as CGI would spell it': { sent: ask('Content_Length: 40\r\n'), got: [200], saw: [get] },
};

const codings: Record<string, Row> = {
  'length and coding': {
    sent: post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    got: [400],
  },
  'coding and length': {
    sent: post('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', '0\r\n\r\n'),
    got: [400],
  },
  'chunked, identity': { sent: post('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'), got: [400] },
  'identity, chunked': { sent: post('Transfer-Encoding: identity, chunked\r\n', '0\r\n\r\n'), got: [400] },
  'gzip, chunked': { sent: post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), got: [400] },
  'gzip and chunked in two lines': {
    sent: post('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    got: [400],
  },
  'chunked twice': { sent: post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'), got: [400] },
  xchunked: { sent: post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), got: [400] },
  'quoted chunked': { sent: post('Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n'), got: [400] },
  'chunked with a parameter': { sent: post('Transfer-Encoding: chunked;q=1\r\n', '0\r\n\r\n'), got: [400] },
  'an empty coding': { sent: post('Transfer-Encoding: \r\n', 'abc'), got: [400] },
  'a vertical tab before chunked': {
    sent: post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n'),
    got: [400],
  },
  'a space before the colon': { sent: post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'), got: [400] },
  'a tab before the colon': { sent: post('Transfer-Encoding\t: chunked\r\n', '0\r\n\r\n'), got: [400] },
  'a folded coding': { sent: post('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n'), got: [400] },
  'a coding in HTTP/1.0': {
    sent: post('Transfer-Encoding: chunked\r\n', '0\r\n\r\n', '1.0'),
    got: [400],
  },
  'capitals and a tab are written anew': {
    sent: post('Transfer-Encoding:\tCHUNKED\r\n', '0\r\n\r\n'),
    got: [200],
    saw: [`${rechunked}0\r\n\r\n`],
  },
  'a coding as CGI would spell it': {
    sent: ask('Transfer_Encoding: chunked\r\n'),
    got: [200],
    saw: [get],
  },
};

const chunks: Record<string, Row> = {
  'extensions are dropped, sizes written anew': {
    sent: `${chunked}0003;a=b;c="d e"\r\nabc\r\n000\r\n\r\n`,
    got: [200],
    saw: [`${rechunked}3\r\nabc\r\n0\r\n\r\n`],
  },
  'extensions without end': { sent: `${chunked}3;${'a'.repeat(20_000)}\r\nabc\r\n0\r\n\r\n`, got: [413] },
  'a negative size': { sent: `${chunked}-3\r\nabc\r\n0\r\n\r\n`, got: [400] },
  'a size with 0x': { sent: `${chunked}0x3\r\nabc\r\n0\r\n\r\n`, got: [400] },
  'a space behind the size': { sent: `${chunked}3 \r\nabc\r\n0\r\n\r\n`, got: [400] },
  'a space before the size': { sent: `${chunked} 3\r\nabc\r\n0\r\n\r\n`, got: [400] },
  'a size beyond 2^64': { sent: `${chunked}10000000000000003\r\nabc\r\n0\r\n\r\n`, got: [400] },
  'no size': { sent: `${chunked}\r\nabc\r\n0\r\n\r\n`, got: [400] },
  'a bare LF behind the size': { sent: `${chunked}3\nabc\r\n0\r\n\r\n`, got: [400] },
  'a bare LF behind the data': { sent: `${chunked}3\r\nabc\n0\r\n\r\n`, got: [400] },
  'a bare LF in an extension': { sent: `${chunked}3;a\nabc\r\n0\r\n\r\n`, got: [400] },
  'more data than the size': { sent: `${chunked}3\r\nabcd\r\n0\r\n\r\n`, got: [400] },
  'trailers that may pass': {
    sent: `${chunked}0\r\nX-Sum: 1\r\n\r\n`,
    got: [200],
    saw: [`${rechunked}0\r\nX-Sum: 1\r\n\r\n`],
  },
  'trailers that would count as the head': {
    sent: `${chunked}0\r\nHost: evil\r\nX-Forwarded-For: 6.6.6.6\r\nX_Real_IP: 6\r\nCookie: a=b\r\nContent-Type: x\r\nIf-Match: x\r\nAuthorization: x\r\n\r\n`,
    got: [200],
    saw: [`${rechunked}0\r\n\r\n`],
  },
  'a length among the trailers': { sent: `${chunked}0\r\nContent-Length: 9\r\n\r\n`, got: [400] },
  'trailers without end': { sent: `${chunked}0\r\n${'X: y\r\n'.repeat(9_000)}\r\n`, got: [431] },
};

const heads: Record<string, Row> = {
  'bare LF': { sent: `GET / HTTP/1.1\n${head.replaceAll('\r', '')}\n`, got: [400] },
  'bare LF between fields': { sent: ask('X: a\nY: b\r\n'), got: [400] },
  'bare LF at the end': { sent: `GET / HTTP/1.1\r\n${head}\n`, got: [400] },
  'bare CR': { sent: ask('X: a\rY: b\r\n'), got: [400] },
  'CR CR LF': { sent: ask('X: a\r\r\n'), got: [400] },
  'a folded value': { sent: ask('X: a\r\n b\r\n'), got: [400] },
  'a fold in the place of the first field': { sent: `GET / HTTP/1.1\r\n X: a\r\n${head}\r\n`, got: [400] },
  'NUL in a value': { sent: ask('X: a\0b\r\n'), got: [400] },
  'a control byte in a value': { sent: ask('X: a\x01b\r\n'), got: [400] },
  'DEL in a value': { sent: ask('X: a\x7fb\r\n'), got: [400] },
  'high bytes and tabs in a value pass as they are': {
    sent: ask('X: \xe4\t\xff\r\n'),
    got: [200],
    saw: [`GET / HTTP/1.1\r\n${host}X: \xe4\t\xff\r\n${kept}`],
  },
  'no colon': { sent: ask('X\r\n'), got: [400] },
  'an empty name': { sent: ask(': x\r\n'), got: [400] },
  'a space in a name': { sent: ask('X Y: x\r\n'), got: [400] },
  'a high byte in a name': { sent: ask('X\xe4: x\r\n'), got: [400] },
  'one oversized field': { sent: ask(`X: ${'a'.repeat(40_000)}\r\n`), got: [431] },
  'many small fields': { sent: ask('a:\r\n'.repeat(12_000)), got: [431] },
  'an oversized target': { sent: ask('', `/${'a'.repeat(40_000)}`), got: [431] },
  'an expectation that nobody knows': { sent: ask('Expect: 200-maybe\r\n'), got: [417] },
  'what untrusted peers say of the user': {
    sent: ask(
      'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /x\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX_FORWARDED_FOR: 6.6.6.6\r\nTrue-Client-IP: 6\r\nProxy: evil\r\n',
    ),
    got: [200],
    saw: [get],
  },
  'two credentials': { sent: ask(login), got: [400] },
};

const targets: Record<string, Row> = {
  'absolute form': {
    sent: ask('', 'http://dev1.localhost/a?b'),
    got: [200],
    saw: [`GET /a?b HTTP/1.1\r\n${host}${kept}`],
  },
  'absolute form with capitals and the port of its scheme': {
    sent: ask('', 'HTTPS://DEV1.localhost.:443'),
    got: [200],
    saw: [get],
  },
  'absolute form without a path': {
    sent: ask('', 'http://dev1.localhost?q=1'),
    got: [200],
    saw: [`GET /?q=1 HTTP/1.1\r\n${host}${kept}`],
  },
  'absolute form of OPTIONS without a path': {
    sent: ask('', 'http://dev1.localhost', 'OPTIONS'),
    got: [200],
    saw: [`OPTIONS * HTTP/1.1\r\n${host}${kept}`],
  },
  "absolute form of what is the reflector's": {
    sent: ask('', 'http://dev1.localhost/.rm-reflector/x'),
    got: [404],
  },
  'absolute form with another port': { sent: ask('', 'http://dev1.localhost:81/'), got: [400] },
  'absolute form with a user': { sent: ask('', 'http://x@dev1.localhost/'), got: [400] },
  'absolute form with a fragment': { sent: ask('', 'http://dev1.localhost/#x'), got: [400] },
  'absolute form of another scheme': { sent: ask('', 'ftp://dev1.localhost/'), got: [400] },
  'absolute form without a host': {
    sent: `GET http://dev1.localhost/ HTTP/1.0\r\n${login}\r\n`,
    got: [400],
  },
  'absolute form with another host': { sent: ask('', 'http://dev2.localhost/'), got: [400] },
  'authority form': { sent: ask('', 'dev1.localhost:80'), got: [400] },
  'asterisk form': { sent: ask('', '*'), got: [400] },
  'asterisk form of OPTIONS': {
    sent: ask('', '*', 'OPTIONS'),
    got: [200],
    saw: [`OPTIONS * HTTP/1.1\r\n${host}${kept}`],
  },
  // `Authorization` is for the device, and there is none yet.
  CONNECT: { sent: ask('', 'dev1.localhost:22', 'CONNECT'), got: [407] },
  TRACE: { sent: ask('', '/', 'TRACE'), got: [405] },
  'a method that nobody knows': { sent: ask('', '/', 'FOO'), got: [400] },
  'a method in small letters': { sent: ask('', '/', 'get'), got: [400] },
  'a path that needs no cleaning': {
    sent: ask('', '//a/./../%2e%2e/%00%0d%0a/;x?q=//|^"{}'),
    got: [200],
    saw: [`GET //a/./../%2e%2e/%00%0d%0a/;x?q=//|^"{} HTTP/1.1\r\n${host}${kept}`],
  },
  'a fragment': { sent: ask('', '/a#b'), got: [400] },
  // As curl sends what was typed: see the test below for what it is told.
  'UTF-8 that nobody has encoded': { sent: ask('', '/\xc3\xa4?\xe6\xb3\xb5'), got: [400] },
  'UTF-8 in a query': { sent: ask('', '/?\xc3\xa4'), got: [400] },
  'UTF-8 that is encoded': {
    sent: ask('', '/%C3%A4?%e6%b3%b5'),
    got: [200],
    saw: [`GET /%C3%A4?%e6%b3%b5 HTTP/1.1\r\n${host}${kept}`],
  },
  'a high byte': { sent: ask('', '/\xe4'), got: [400] },
  'a control byte': { sent: ask('', '/\x01'), got: [400] },
  NUL: { sent: ask('', '/\0'), got: [400] },
  DEL: { sent: ask('', '/\x7f'), got: [400] },
  'a space': { sent: ask('', '/ a'), got: [400] },
  'a tab': { sent: `GET\t/\tHTTP/1.1\r\n${head}\r\n`, got: [400] },
  'two spaces are written as one': { sent: `GET  /  HTTP/1.1\r\n${head}\r\n`, got: [200], saw: [get] },
  'empty lines before the request are dropped': { sent: `\r\n\r\n${ask('')}`, got: [200], saw: [get] },
};

const versions: Record<string, Row> = {
  'HTTP/1.0': { sent: `GET / HTTP/1.0\r\n${host}${login}\r\n`, got: [200], saw: [get] },
  'HTTP/1.0 without a host': { sent: `GET / HTTP/1.0\r\n${login}\r\n`, got: [404] },
  // As `option httpchk GET /healthz` of HAProxy sends it, with and without a version.
  'a health check in HTTP/1.0 without a host': { sent: 'GET /healthz HTTP/1.0\r\n\r\n', got: [200] },
  'a health check without a host': {
    sent: 'OPTIONS /healthz HTTP/1.1\r\nConnection: close\r\n\r\n',
    got: [200],
  },
  'a health check with an empty host': {
    sent: 'GET /healthz HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n',
    got: [400],
  },
  'HTTP/1.2': { sent: `GET / HTTP/1.2\r\n${head}\r\n`, got: [400] },
  'HTTP/2.0 in the form of 1.1': { sent: `GET / HTTP/2.0\r\n${head}\r\n`, got: [505] },
  'HTTP/3.0': { sent: `GET / HTTP/3.0\r\n${head}\r\n`, got: [400] },
  'the preface of HTTP/2': { sent: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', got: [400] },
  'small letters': { sent: `GET / http/1.1\r\n${head}\r\n`, got: [400] },
  'HTTP/0.9': { sent: 'GET /\r\n\r\n', got: [505] },
  'a TLS hello': { sent: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', got: [400] },
  'something else': { sent: 'SSH-2.0-OpenSSH_9.6\r\n', got: [400] },
};

const named = (value: string) => `GET / HTTP/1.1\r\nHost: ${value}\r\n${login}Connection: close\r\n\r\n`;
const sawHost = (value: string) => [
  `GET / HTTP/1.1\r\nHost: ${value}\r\n${forwarded(value)}Connection: keep-alive\r\n\r\n`,
];
const hosts: Record<string, Row> = {
  'no host': { sent: `GET / HTTP/1.1\r\n${login}Connection: close\r\n\r\n`, got: [400] },
  'two hosts': { sent: ask('Host: dev2.localhost\r\n'), got: [400] },
  'two equal hosts': { sent: ask(host), got: [400] },
  'an empty host': { sent: named(''), got: [400] },
  'a user before it': { sent: named('evil@dev1.localhost'), got: [400] },
  'a user and a port': { sent: named('dev1.localhost:80@evil'), got: [400] },
  'a path behind it': { sent: named('dev1.localhost/x'), got: [400] },
  'a list': { sent: named('dev1.localhost, dev2.localhost'), got: [400] },
  'a space in it': { sent: named('dev1 .localhost'), got: [400] },
  'percent-encoded': { sent: named('dev%31.localhost'), got: [400] },
  'not ASCII': { sent: named('d\xe9v1.localhost'), got: [400] },
  'a port beyond 65535': { sent: named('dev1.localhost:65536'), got: [400] },
  'two ports': { sent: named('dev1.localhost:80:80'), got: [400] },
  'a port that is none': { sent: named('dev1.localhost:http'), got: [400] },
  'two dots at the end': { sent: named('dev1.localhost..'), got: [400] },
  'an address in brackets that is none': { sent: named('[dev1].localhost'), got: [400] },
  'capitals, a dot at the end, a port: the same host': {
    sent: named('DEV1.LocalHost.:65535'),
    got: [200],
    saw: sawHost('DEV1.LocalHost.:65535'),
  },
  'an empty port': { sent: named('dev1.localhost:'), got: [200], saw: sawHost('dev1.localhost:') },
  'a stranger': { sent: named('evil.example'), got: [404] },
  'a label below a device': { sent: named('x.dev1.localhost'), got: [404] },
  'a port of the device that it does not forward': { sent: named('dev1-22.localhost'), got: [403] },
};

const upgraded = `GET / HTTP/1.1\r\n${host}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUpgrade: websocket\r\n${forwarded()}Connection: Upgrade\r\n\r\n`;
const upgrades: Record<string, Row> = {
  'without Connection it is none': { sent: ask('Upgrade: websocket\r\n'), got: [200], saw: [get] },
  'in absolute form': {
    sent: upgrade(webSocket).replace('GET / ', 'GET http://dev1.localhost/ '),
    got: [200],
    saw: [upgraded],
  },
  'a device that answers 200': { sent: upgrade(webSocket), got: [200], saw: [upgraded] },
  'bytes behind the head, and a device that answers 200': {
    sent: `${upgrade(webSocket)}${smuggled}`,
    got: [200],
    saw: [upgraded],
  },
  'several protocols: only WebSocket goes on': {
    sent: upgrade(`${webSocket.trimEnd()}, h2c\r\n`),
    got: [200],
    saw: [upgraded],
  },
  'h2c is ignored, and what is behind the head dropped': {
    sent: `${upgrade('Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n', 'Connection: Upgrade, HTTP2-Settings\r\n')}${smuggled}`,
    got: [200],
    saw: [get],
  },
  'TLS/1.0 is ignored': { sent: upgrade('Upgrade: TLS/1.0\r\n'), got: [200], saw: [get] },
  'in HTTP/1.0 it is none': {
    sent: `GET / HTTP/1.0\r\n${host}${login}Connection: Upgrade\r\n${webSocket}\r\n`,
    got: [426],
  },
  'a key without an upgrade': {
    sent: ask(webSocket.replace('Upgrade: websocket\r\n', '')),
    got: [426],
  },
  'a key and an upgrade without Connection': { sent: ask(webSocket), got: [426] },
  'with a body': { sent: `${upgrade(`Content-Length: 4\r\n${webSocket}`)}body`, got: [501] },
  'with a body in chunks': {
    sent: `${upgrade(`Transfer-Encoding: chunked\r\n${webSocket}`)}0\r\n\r\n`,
    got: [501],
  },
  "the agents' protocol with a body": {
    sent: `POST / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nContent-Length: 4\r\nSec-WebSocket-Protocol: com.appinf.webtunnel.server/1.0\r\n${webSocket}\r\nbody`,
    got: [501],
  },
  'by a stranger': { sent: `GET / HTTP/1.1\r\n${host}Connection: Upgrade\r\n${webSocket}\r\n`, got: [401] },
};

const pipelines: Record<string, Row> = {
  'two requests': {
    sent: `${open}${ask('', '/2')}`,
    got: [200, 200],
    saw: [`${sawOpen}GET /2 HTTP/1.1\r\n${host}${kept}`],
  },
  'something else behind a request': { sent: `${open}NONSENSE\r\n\r\n`, got: [200, 400], saw: [sawOpen] },
  'a request that is refused behind a good one': {
    sent: `${open}${ask('', 'http://evil/')}`,
    got: [200, 400],
    saw: [sawOpen],
  },
  'a request behind the last one': { sent: `${ask('')}${ask('', '/2')}`, got: [200], saw: [get] },
  'a broken body behind an expectation that nobody knows': {
    sent: `GET / HTTP/1.1\r\n${host}${login}Expect: x\r\n\r\n${chunked}zz\r\n`,
    got: [417],
  },
  'a request behind a broken body': { sent: `${chunked}zz\r\n${ask('', '/2')}`, got: [400] },
  'a body that is a request': {
    sent: post(`Content-Length: ${smuggled.length}\r\n`, smuggled),
    got: [200],
    saw: [`POST / HTTP/1.1\r\n${host}Content-Length: ${smuggled.length}\r\n${kept}${smuggled}`],
  },
  'a body of GET that is a request': {
    sent: `GET / HTTP/1.1\r\n${head}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    got: [200],
    saw: [`GET / HTTP/1.1\r\n${host}Content-Length: ${smuggled.length}\r\n${kept}${smuggled}`],
  },
};

/** Whether all of it is requests to act upon; one that broke off is not. Throws for what two readers could read in two ways. */
function isWhole(bytes: string): boolean {
  try {
    return readStrictly(bytes).length > 0;
  } catch (error) {
    if (error instanceof Incomplete) return false;
    throw error;
  }
}

const ends = new RawEnds();

describe.each([
  ['lengths', lengths],
  ['methods without a body', withoutBody],
  ['trailers that are announced', announced],
  ['codings', codings],
  ['chunks', chunks],
  ['heads', heads],
  ['targets', targets],
  ['versions', versions],
  ['hosts', hosts],
  ['upgrades', upgrades],
  ['pipelines', pipelines],
])('a hostile user: %s', (_title, table) => {
  test.each(Object.entries(table))('%s', async (_name, { sent, got, saw = [] }) => {
    ends.user.send(sent);
    await ends.user.whole();
    expect([ends.user.statuses, ends.device.saw.filter(isWhole)]).toEqual([got, saw]);
    // Nothing that was opened for a request outlives it, but what is kept for the next one.
    await until(() => ends.device.open <= 1);
  });
});

test.each(['/\xc3\xa4', '/?\xc3\xa4'])('who sends %j without encoding it is told so', async (target) => {
  ends.user.send(ask('', target));
  expect(await ends.user.whole()).toContain(
    'X-PTTH-Error: The request target is not valid: characters beyond ASCII must be percent-encoded\r\n',
  );
});

test.each(['VERSION-CONTROL', 'get'])('who asks by the unknown method %s is told so', async (method) => {
  ends.user.send(ask('', '/', method));
  expect(await ends.user.whole()).toContain(
    'X-PTTH-Error: The request begins with no method that is known here\r\n',
  );
});
