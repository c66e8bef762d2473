import { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { ClientAuthorities } from './client-authorities.ts';
import { clientCertificateOf } from './client-certificate.ts';

// Authorities that have signed themselves, for a hundred years: `CN=a`, `CN=b`, another of the name `CN=a` with the key of
// `b`, and `CN=c` with the key of `a`.
const a = `-----BEGIN CERTIFICATE-----
MIIBbjCCARWgAwIBAgIUNjIfsFEO3DAq0WVnLKWC5xcyjdIwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAgFw0yNjExMjkwMjE5MjdaGA8yMTI2MTEwNTAyMTkyN1ow
DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJzI88cwVUJO
HBGmOHTIuNmkUN1Ot0gIbcgODKh+uU02ERnr/Hicz8uHIaxF9LHgmrmX+L7BTMn0
vIXEpwmTh6OjUzBRMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFO6xUBtwPhO8
XDGAEgpnym7Q9ypuMB8GA1UdIwQYMBaAFO6xUBtwPhO8XDGAEgpnym7Q9ypuMAoG
CCqGSM49BAMCA0cAMEQCIBYgfSo237g03B7E5bcfojh1zGm5NvGIDLj9XqN/YKCU
AiBTYfmMtvIruAUjB4ddewQwfhQUNGEvFfZ+ialbMh2L4g==
-----END CERTIFICATE-----`;
const b = `-----BEGIN CERTIFICATE-----
MIIBbjCCARWgAwIBAgIUGBaf+HsiLvY56vEhWtbYtykdprcwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYjAgFw0yNjExMjkwMjE5MjdaGA8yMTI2MTEwNTAyMTkyN1ow
DDEKMAgGA1UEAwwBYjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEFqv6XN3bQF
2QrWZw/IhDvDEEC7L1/ftDbMuasx2pdFQYzC/wyCj5MZBhAEhHWWExJOPEHhel4p
ojOsKyTmYRmjUzBRMB0GA1UdDgQWBBTf0ZAj3C/1Rz9BGSPClYSDBVvKkjAfBgNV
HSMEGDAWgBTf0ZAj3C/1Rz9BGSPClYSDBVvKkjAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0cAMEQCICEba5N1xKeZfVdishT7Zq5LAGNc9Jmv+GkWj79BGN7g
AiA53igA+bEaQSeFGk5istSGVfxU9XhXpYAYuAYODSfCiA==
-----END CERTIFICATE-----`;
const namesake = `-----BEGIN CERTIFICATE-----
MIIBKjCB0qADAgECAhQt/FizKH9gJ+REfBVLVu8zuQjv5jAKBggqhkjOPQQDAjAM
MQowCAYDVQQDDAFhMCAXDTI2MTEyOTAyMTkyOFoYDzIxMjYxMTA1MDIxOTI4WjAM
MQowCAYDVQQDDAFhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQWq/pc3dtAXZ
CtZnD8iEO8MQQLsvX9+0Nsy5qzHal0VBjML/DIKPkxkGEASEdZYTEk48QeF6Ximi
M6wrJOZhGaMQMA4wDAYDVR0TBAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBa8aDq
jgXXawONSyh57Yqlxv3Luf30UgF4p5H+ahaXYgIgJHPa025n1D0cJw9/TjEygIPF
uIoBoUYHNlkY3MqWRBY=
-----END CERTIFICATE-----`;
const renamed = `-----BEGIN CERTIFICATE-----
MIIBKzCB0qADAgECAhRKTwAgVRRCPt4TVETk5EVNefmldDAKBggqhkjOPQQDAjAM
MQowCAYDVQQDDAFjMCAXDTI2MTEyOTAyMTkyOFoYDzIxMjYxMTA1MDIxOTI4WjAM
MQowCAYDVQQDDAFjMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEnMjzxzBVQk4c
EaY4dMi42aRQ3U63SAhtyA4MqH65TTYRGev8eJzPy4chrEX0seCauZf4vsFMyfS8
hcSnCZOHo6MQMA4wDAYDVR0TBAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA8+IE
ZivZQehhrjosoGhdbE83SAHFyGc4ZO8H1I2I++QCICIZfcu7tOoxE4ljYW0QOUsi
6Xnk2wb6XjqBJKbXrMBN
-----END CERTIFICATE-----`;

/** A connection on which a certificate was shown. */
function connection(certificate: unknown, more: object = {}): TLSSocket {
  const shown = { authorized: true, getPeerX509Certificate: () => certificate };
  return Object.assign(Object.create(TLSSocket.prototype), { ...shown, ...more });
}

test('a certificate counts as long as an authority vouches for it', () => {
  const authorities = new ClientAuthorities();
  expect(authorities.set(null)).toBe(false);
  expect(authorities.set(Buffer.from(a))).toBe(true);
  expect(authorities.set(Buffer.from(a))).toBe(false);
  const socket = connection(new X509Certificate(a));
  authorities.connected(socket);
  expect(authorities.trust(socket)).toBe(true);
  authorities.set(Buffer.from(b + a));
  expect(authorities.trust(socket)).toBe(true);
  authorities.set(Buffer.from(b));
  expect(authorities.trust(socket)).toBe(false);
  authorities.set(null);
  expect(authorities.trust(socket)).toBe(false);
  expect(authorities.trust(connection(undefined))).toBe(false);
});

test.each([
  ['another', b],
  ['one of the same name with another key', namesake],
  ['one of another name with the same key', renamed],
])('%s does not vouch for it, however often it is asked', (_title, pem) => {
  const authorities = new ClientAuthorities();
  authorities.set(Buffer.from(pem));
  const socket = connection(new X509Certificate(a));
  expect([authorities.trust(socket), authorities.trust(socket)]).toEqual([false, false]);
});

test('one that was accepted counts until the authorities change, whoever has signed it', () => {
  const authorities = new ClientAuthorities();
  authorities.set(Buffer.from(a));
  const socket = connection(new X509Certificate(b));
  expect(authorities.trust(socket)).toBe(false);
  authorities.connected(socket);
  expect(authorities.trust(socket)).toBe(true);
  authorities.set(Buffer.from(`${a}\n`));
  expect(authorities.trust(socket)).toBe(false);
});

test('what a certificate says is what a device may be known by', () => {
  const authorities = new ClientAuthorities();
  authorities.set(Buffer.from(a));
  const certificate = new X509Certificate(a);
  const [issued, until] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  expect(clientCertificateOf(connection(certificate), until, authorities)).toEqual({
    names: ['a'],
    issued,
    until,
    trusted: expect.any(Function),
  });
});

test('one that proves nothing says why, and none is none', () => {
  const authorities = new ClientAuthorities();
  authorities.set(Buffer.from(a));
  const fault = (certificate: X509Certificate | undefined, now = 0, more = {}) =>
    clientCertificateOf(connection(certificate, more), now, authorities);
  const own = new X509Certificate(a);
  expect(fault(undefined)).toBeNull();
  expect(fault(own, 0, { authorized: false })).toEqual({ fault: 'not asked for' });
  expect(fault(own, 0, { authorized: false, authorizationError: 'SELF_SIGNED' })).toEqual({
    fault: 'SELF_SIGNED',
  });
  expect(fault(own, Date.parse(own.validTo) + 1)).toEqual({ fault: 'CERT_HAS_EXPIRED' });
  expect(fault(new X509Certificate(b))).toEqual({ fault: 'its authority is trusted no more' });
});
