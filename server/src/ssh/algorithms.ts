import type { PublicKeyAlgorithm } from '@microsoft/dev-tunnels-ssh/algorithms/publicKeyAlgorithm.js';
import { SshAlgorithms } from '@microsoft/dev-tunnels-ssh/algorithms/sshAlgorithms.js';
import { SshSessionConfiguration } from '@microsoft/dev-tunnels-ssh/sshSessionConfiguration.js';
import { Curve25519, hasX25519 } from './curve25519.ts';
import { Ed25519, hasEd25519 } from './ed25519.ts';

/** Signatures by the type of key that makes them. */
const keyTypeOf = (signature: string) => (signature.startsWith('rsa-sha2-') ? 'ssh-rsa' : signature);

/** Whether this browser has all that {@link configuration} knows. */
export async function isComplete(): Promise<boolean> {
  return (await hasX25519()) && (await hasEd25519());
}

/**
 * What a session offers. `knownType`: that of the key by which the server is known; it comes first, so that a server with several keys
 * shows that one, as to OpenSSH.
 */
export async function configuration(knownType: string | null): Promise<SshSessionConfiguration> {
  const config = new SshSessionConfiguration();
  const { publicKey, keyExchange } = SshAlgorithms;
  const curve = await hasX25519();
  const exchanges = [
    curve ? new Curve25519('curve25519-sha256') : null,
    curve ? new Curve25519('curve25519-sha256@libssh.org') : null,
    keyExchange.ecdhNistp256Sha256,
    keyExchange.ecdhNistp384Sha384,
    keyExchange.ecdhNistp521Sha512,
    keyExchange.dhGroup16Sha512,
    keyExchange.dhGroup14Sha256,
  ].filter(isThere);
  config.keyExchangeAlgorithms.splice(0, config.keyExchangeAlgorithms.length, ...exchanges);
  const signatures = [
    (await hasEd25519()) ? new Ed25519() : null,
    publicKey.ecdsaSha2Nistp256,
    publicKey.ecdsaSha2Nistp384,
    publicKey.ecdsaSha2Nistp521,
    publicKey.rsaWithSha512,
    publicKey.rsaWithSha256,
  ].filter(isThere);
  const isFirst = ({ name }: PublicKeyAlgorithm) => keyTypeOf(name) === knownType;
  const inOrder = [...signatures.filter(isFirst), ...signatures.filter((one) => !isFirst(one))];
  config.publicKeyAlgorithms.splice(0, config.publicKeyAlgorithms.length, ...inOrder);
  return config;
}

/** The library has `null` for no security at all, which is never offered. */
function isThere<Value>(value: Value | null | undefined): value is Value {
  return value !== null && value !== undefined;
}
