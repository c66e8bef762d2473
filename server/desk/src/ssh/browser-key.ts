import { writeStrings } from '../../../src/ssh/strings.ts';

/** A key of this browser for one user of the dashboard. Its private part cannot be read, not even by this page. */
export interface BrowserKey {
  readonly pair: CryptoKeyPair;
  /** For `authorized_keys` of the device. */
  readonly line: string;
  /** False: it goes with the page, because the browser keeps nothing for it (a private window, or third-party storage that is off). */
  readonly isKept: boolean;
}

/** Keys that the browser does not keep, by user. */
const ofThisPage = new Map<string, CryptoKeyPair>();

const databaseName = 'keys';
const storeName = 'keys';

function database(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(databaseName, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(storeName);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

async function stored<Value>(
  mode: IDBTransactionMode,
  ask: (store: IDBObjectStore) => IDBRequest<Value>,
): Promise<Value> {
  const open = await database();
  try {
    const transaction = open.transaction(storeName, mode);
    const asked = ask(transaction.objectStore(storeName));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
    return asked.result;
  } finally {
    open.close();
  }
}

async function shown(pair: CryptoKeyPair, user: string, isKept: boolean): Promise<BrowserKey> {
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const blob = writeStrings(new TextEncoder().encode('ssh-ed25519'), raw);
  const comment = user.replace(/[^\w.@-]/g, '_');
  return { pair, line: `ssh-ed25519 ${btoa(String.fromCharCode(...blob))} ${comment}@browser`, isKept };
}

/** `null`: there is none. */
export async function browserKey(user: string): Promise<BrowserKey | null> {
  const ofPage = ofThisPage.get(user);
  if (ofPage) return shown(ofPage, user, false);
  const kept = await stored<CryptoKeyPair | undefined>('readonly', (store) => store.get(user)).catch(
    () => null,
  );
  return kept ? shown(kept, user, true) : null;
}

/** A key that is there stays: devices know it. Rejects where the browser cannot make such a key. */
export async function makeBrowserKey(user: string): Promise<void> {
  if (await browserKey(user)) return;
  const pair = (await crypto.subtle.generateKey({ name: 'Ed25519' }, false, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  try {
    await stored('readwrite', (store) => store.add(pair, user));
  } catch (error) {
    // Another page was faster.
    if (error instanceof DOMException && error.name === 'ConstraintError') return;
    if (!ofThisPage.has(user)) ofThisPage.set(user, pair);
  }
}
