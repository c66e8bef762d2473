import { deviceSecrets, Fingerprints, generatePassword } from 'rm-reflector';
import type { CertificatesSince, DeviceSecrets } from 'rm-reflector/ports';
import type { DevicesContext } from './context.ts';

/** By what a device proves itself. */
export interface Proof {
  readonly digest?: boolean | undefined;
  readonly certificate?: boolean | undefined;
}

/** New secrets of a device. `keep` is called once they are in the store. */
export interface NewSecret {
  /** `null`: a certificate is its proof. */
  readonly password: string | null;
  readonly secrets: DeviceSecrets;
  readonly certificatesSince: CertificatesSince;
  keep(): Promise<void>;
}

/** A password that a machine has made, or one that nobody knows for a device with a certificate. */
export async function newSecret(
  { core, installation }: DevicesContext,
  { id, domain }: { readonly id: string; readonly domain: string },
  { digest = false, certificate = false }: Proof,
): Promise<NewSecret> {
  const password = generatePassword();
  const secrets = await deviceSecrets(id, domain, password, digest && !certificate, 'generated');
  const keep = async () => {
    if (certificate) return;
    const fingerprints = new Fingerprints(core.store.devices, await installation.fingerprintKey());
    await fingerprints.remember({ id, password: secrets.password, fingerprint: null }, password, true);
  };
  return {
    password: certificate ? null : password,
    secrets,
    certificatesSince: certificate ? 'default' : null,
    keep,
  };
}

/** The address of this server for agents. */
export async function agentUrl({ core, installation }: DevicesContext): Promise<string> {
  return core.configuration.publicUrl ?? (await installation.url()) ?? 'http://localhost:8080/';
}
