import 'reflect-metadata';
import { createPrivateKey, randomBytes, type webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Settings } from 'rm-reflector/ports';

const setting = 'fleet-enrolment-authority';
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const YEAR_MS = 365 * 86_400_000;

/** How long the authority's own certificate is good for. */
const AUTHORITY_MS = 30 * YEAR_MS;

/** Positive, and no longer than 20 bytes (RFC 5280 section 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/**
 * The server's own authority, which signs certificates of devices. Its key is in the data file, like the other keys of the
 * installation.
 */
export class Authority {
  readonly #certificate: X509Certificate;
  readonly #key: webcrypto.CryptoKey;

  private constructor(certificate: X509Certificate, key: webcrypto.CryptoKey) {
    this.#certificate = certificate;
    this.#key = key;
  }

  /** The one of the data file, which is made where there is none. `now`: wall-clock ms. */
  static async open(settings: Pick<Settings, 'getOrAdd'>, now: number): Promise<Authority> {
    const { subtle } = globalThis.crypto;
    const made = await settings.getOrAdd(setting, Buffer.from(await newAuthority(now)));
    const { certificate, key } = JSON.parse(made.toString('utf8')) as { certificate: string; key: string };
    const der = createPrivateKey(key).export({ format: 'der', type: 'pkcs8' });
    return new Authority(
      new X509Certificate(certificate),
      await subtle.importKey('pkcs8', der, algorithm, false, ['sign']),
    );
  }

  /** Its certificate, PEM. */
  get pem(): string {
    return `${this.#certificate.toString('pem')}\n`;
  }

  /** Whether a PEM file of authorities names this one. */
  isIn(file: string): boolean {
    const text = readFileSync(file, 'latin1').replace(/\s/g, '');
    return text.includes(Buffer.from(this.#certificate.rawData).toString('base64'));
  }

  /**
   * A certificate for the key of a request (PKCS#10, Base64 of its DER), whose other wishes are not heeded; `null`: the
   * request is not one of a key of P-256 that it proves. Times in wall-clock ms.
   */
  async issue(request: string, deviceId: string, from: number, until: number): Promise<string | null> {
    const wanted = await readRequest(request);
    if (!wanted) return null;
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [{ CN: [deviceId] }],
      issuer: this.#certificate.subject,
      notBefore: new Date(from),
      notAfter: new Date(until),
      publicKey: wanted.publicKey,
      signingKey: this.#key,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      ],
    });
    return `${certificate.toString('pem')}\n`;
  }
}

async function newAuthority(now: number): Promise<string> {
  const keys = await globalThis.crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [`rm-server enrolment ${randomBytes(4).toString('hex')}`] }],
    notBefore: new Date(now - 86_400_000),
    notAfter: new Date(now + AUTHORITY_MS),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const key = Buffer.from(await globalThis.crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const pem = `-----BEGIN PRIVATE KEY-----\n${key.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return JSON.stringify({ certificate: certificate.toString('pem'), key: pem });
}

async function readRequest(text: string): Promise<Pkcs10CertificateRequest | null> {
  try {
    const request = new Pkcs10CertificateRequest(Buffer.from(text, 'base64'));
    const { namedCurve } = request.publicKey.algorithm as { readonly namedCurve?: string };
    return namedCurve === 'P-256' && (await request.verify()) ? request : null;
  } catch {
    return null;
  }
}
