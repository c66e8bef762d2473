import {
  deviceSecrets,
  Fingerprints,
  generatePassword,
  hashPassword,
  Installation,
  SqliteStore,
} from 'rm-reflector';
import { LastingDatabase } from 'rm-reflector/store';
import { deviceName, type FleetFacts } from './light-device.ts';

export const userPassword = 'a pass phrase of the bench';

export function userName(index: number): string {
  return `user-${index}`;
}

/** Makes a data file, or takes that of a reflector that does not run, and adds the devices of a fleet and administrators. */
export async function addAccounts(
  path: string,
  { devices, users }: { readonly devices: number; readonly users: number },
): Promise<Pick<FleetFacts, 'domain' | 'password'>> {
  const store = SqliteStore.open(path);
  const installation = new Installation(store);
  const domain = await installation.domain();
  const password = generatePassword();
  // One password and hash for all: to make the hashes is what "device add" takes its time for.
  const secrets = await deviceSecrets(deviceName(0), domain, password, false);
  const ids = Array.from({ length: devices }, (_, index) => deviceName(index));
  await store.devices.addAll(
    ids.map((id) => ({ id, domain, secrets })),
    Date.now(),
    null,
  );
  const hash = await hashPassword(userPassword);
  for (let i = 0; i < users; i++) await store.users.add(userName(i), hash, Date.now(), 'administrator');
  const key = await installation.fingerprintKey();
  await store.close();
  // As "device add" does it with a password that it has made, but in one transaction.
  const database = new LastingDatabase(path);
  const update = database.prepare('UPDATE devices SET fingerprint = ? WHERE id = ?');
  database.exec('BEGIN');
  const setFingerprint = async (id: string, _hash: string, fingerprint: Buffer) => {
    update.run(fingerprint, id);
  };
  const fingerprints = new Fingerprints({ setFingerprint }, key);
  for (const id of ids) {
    await fingerprints.remember({ id, password: secrets.password, fingerprint: null }, password, true);
  }
  database.exec('COMMIT');
  database.close();
  return { domain, password };
}
