import { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { ClientAuthorities } from './client-authorities.ts';
import { clientCertificateOf } from './client-certificate.ts';

// Two authorities that have signed themselves, `CN=a` and `CN=b`, for a hundred years.
const a = `-----BEGIN CERTIFICATE-----
MIIBcDCCARWgAwIBAgIUDaQAaA0+mvkbDAk4yry6pgEBhnQwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAgFw0yNjExMjkwMjEwMzlaGA8yMTI2MTEwNTAyMTAzOVow
DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGGgdtIVJ+WA
xX1Qr1YyTlfTpLxqIVH69HCWSeSnAMHI3GBiXftiefsisrhTcJOYRCKJNWRRZMY/
EDfj2rCQ9N+jUzBRMB0GA1UdDgQWBBRCBb8uwwbQWXFfcQlpFFmmsu9iOTAfBgNV
HSMEGDAWgBRCBb8uwwbQWXFfcQlpFFmmsu9iOTAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0kAMEYCIQClYSj2cvQbuV9og3gSXgTz3BVuJUj9D6kcbIIFyLKb
HwIhALVi8fFVq0eXoP5TZEBtmVDcCnO1RDuk0OIQFmQPndCl
-----END CERTIFICATE-----`;
const b = `-----BEGIN CERTIFICATE-----
MIIBcDCCARWgAwIBAgIULyXrcxwO0sXSM4IXuQZNekLhQyUwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYjAgFw0yNjExMjkwMjEwMzlaGA8yMTI2MTEwNTAyMTAzOVow
DDEKMAgGA1UEAwwBYjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHZNewYsBkbz
v3kbiVJz3kHo6a5gkwnDfvKzoffGn3Fx+cT02X5sfNFt1arlIoaanYV6+24PVH6Z
jczpA+MBzvejUzBRMB0GA1UdDgQWBBRBI1/hx3xpPCnWbwSDBSOLJo634zAfBgNV
HSMEGDAWgBRBI1/hx3xpPCnWbwSDBSOLJo634zAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0kAMEYCIQDKK1oOuhKyZHplUDMYRDy4jL3aM7JMjA126zGFC3nE
CAIhAJpDwwLJmrG5iAtWtwdiUS+Mwd8tHECMgyGjjdYTNFWI
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
