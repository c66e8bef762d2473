import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { ConfigurationError } from 'rm-reflector/program';
import { type Static, Type } from 'typebox';
import { certificateIn, fileIn } from './certificate-file.ts';
import { hostAndPort } from './socket-address.ts';
import { nameOfHost, placeOfWorker, type Worker, workerFolder } from './workers.ts';

const place = '^(\\[[0-9a-fA-F:.]+\\]|[^:\\s\\[\\]/]+):[0-9]{1,5}$';
const file = (description: string) => Type.String({ minLength: 1, description });

export const nodeSchema = Type.Object(
  {
    name: Type.String({
      pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
      description: 'Name of this server among the others: small letters, digits and hyphens, at most 63.',
    }),
    listen: Type.String({
      pattern: place,
      description: 'Address and port at which it listens for the other servers, such as 10.0.0.1:7443.',
    }),
    address: Type.Optional(
      Type.String({
        pattern: place,
        description: 'Host and port by which the others reach it; that of `listen` by default.',
      }),
    ),
    tls: Type.Object(
      {
        cert: file(
          'PEM file of its certificate, which names it (subjectAltName DNS), for servers and clients.',
        ),
        key: file('PEM file of the key.'),
        ca: file('PEM file of the authorities whose certificates prove the other servers.'),
      },
      { additionalProperties: false, description: 'By which the servers prove themselves to each other.' },
    ),
  },
  { additionalProperties: false, description: 'This server is one of several on one PostgreSQL database.' },
);

export interface NodeSettings {
  readonly name: string;
  readonly listen: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly address: string;
  /** `null`: the others are on this host, and known by the Unix socket. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string } | null;
}

const anyAddress: readonly string[] = ['0.0.0.0', '::', '0', '::0', '[::]'];

/** serverAuth and clientAuth (RFC 5280 section 4.2.1.12). */
const bothEnds = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];

export interface NodePlace {
  /** For messages. */
  readonly file: string | null;
  /** The data are in PostgreSQL. */
  readonly isShared: boolean;
  /** Which one this process is, where the server has several. */
  readonly worker?: Worker | null;
  /** Path of the data file, whose folder has what a worker keeps for itself. */
  readonly data: string;
}

/** Throws `ConfigurationError`, also when a file cannot be used. */
export function nodeSettings(
  node: Static<typeof nodeSchema> | undefined,
  place: NodePlace,
): NodeSettings | null {
  const { worker } = place;
  if (worker)
    return node ? nodeOf(ofWorker(node, worker, place.file), place) : aloneOnHost(worker, place.data);
  return node ? nodeOf(node, place) : null;
}

/** The workers of a server that is alone with its database. */
function aloneOnHost(worker: Worker, data: string): NodeSettings {
  const path = join(workerFolder(data, worker), 'relay.sock');
  return {
    name: `${nameOfHost()}-${worker.number}`,
    listen: { path },
    address: `unix:${path}`,
    tls: null,
  };
}

/** Each worker is a node, with a name and a port of its own. */
function ofWorker(
  node: Static<typeof nodeSchema>,
  worker: Worker,
  file: string | null,
): Static<typeof nodeSchema> {
  const where = `${file ?? 'configuration'}: node`;
  const { name, listen, address = listen } = node;
  return {
    ...node,
    name: `${name}-${worker.number}`,
    listen: placeOfWorker(listen, worker, `${where}.listen`),
    address: placeOfWorker(address, worker, `${where}.address`),
  };
}

function nodeOf(node: Static<typeof nodeSchema>, { file, isShared }: NodePlace): NodeSettings {
  const where = `${file ?? 'configuration'}: node`;
  if (!isShared) {
    throw new ConfigurationError(
      `${where}: needs a database that the servers share: set store.url (PostgreSQL)`,
    );
  }
  const { name, tls } = node;
  const listen = placeIn(node.listen, `${where}.listen`);
  const { address = node.listen } = node;
  const { host, port } = placeIn(address, `${where}.address`);
  if (anyAddress.includes(host)) {
    throw new ConfigurationError(
      `${where}.address: is needed, because others cannot reach ${host}: name the host by which they reach this server`,
    );
  }
  if (port === 0) throw new ConfigurationError(`${where}.address: the port must be 1 to 65535`);
  const certificate = certificateIn(tls.cert, `${where}.tls.cert`);
  if (certificate.checkHost(name, { subject: 'never', wildcards: false }) === undefined) {
    throw new ConfigurationError(
      `${where}.tls.cert: ${tls.cert} does not name this node: its subjectAltName must have DNS:${name}`,
    );
  }
  const { keyUsage } = certificate;
  if (keyUsage && !bothEnds.every((use) => keyUsage.includes(use))) {
    throw new ConfigurationError(
      `${where}.tls.cert: ${tls.cert} is not for both ends: its extendedKeyUsage must have serverAuth and clientAuth, or be absent`,
    );
  }
  mustBeKeyOf(certificate, tls.key, `${where}.tls.key`);
  certificateIn(tls.ca, `${where}.tls.ca`);
  return { name, listen, address, tls };
}

function placeIn(text: string, where: string): { host: string; port: number } {
  const place = hostAndPort(text);
  if (place.port > 0xffff) throw new ConfigurationError(`${where}: the port must be at most 65535`);
  return place;
}

function mustBeKeyOf(certificate: X509Certificate, path: string, where: string): void {
  const text = fileIn(path, where);
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    throw new ConfigurationError(`${where}: ${path} has no private key in PEM without a password`);
  }
  if (!certificate.checkPrivateKey(key))
    throw new ConfigurationError(`${where}: ${path} is not the key of the certificate`);
}
