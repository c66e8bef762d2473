import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { hashPassword, SqliteStore, startReflector } from 'rm-reflector';
import { type Authenticator, AuthenticatorUnavailable, type Store, StoreError } from 'rm-reflector/ports';
import {
  authenticatorConformance,
  presenceConformance,
  routesConformance,
  storeConformance,
} from 'rm-reflector/ports/conformance';
import { expect, test } from 'vitest';

/** Plug-ins of a reflector in another package, which knows `rm-reflector` by its entries alone. */

const clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  schedule: (delayMs: number, run: () => void) => {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

const password = 'wonderland';
const hashed = hashPassword(password);

/** Keys for programs, each of one user. */
class ApiKeys {
  readonly #store: Pick<Store, 'users'>;
  readonly #users = new Map<string, string>();
  lookUps = 0;

  constructor(store: Pick<Store, 'users'>) {
    this.#store = store;
  }

  issue(user: string): string {
    const key = `key_${randomBytes(32).toString('base64url')}`;
    this.#users.set(digest(key), user);
    return key;
  }

  revoke(key: string): void {
    this.#users.delete(digest(key));
  }

  get authenticator(): Authenticator<'token'> {
    return {
      name: 'api-key',
      accepts: 'token',
      prove: async ({ token }) => {
        this.lookUps++;
        const name = this.#users.get(digest(token));
        const user = name === undefined ? null : await this.#store.users.get(name);
        return user ? { user, session: null, until: clock.date() + 60_000 } : null;
      },
    };
  }
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

authenticatorConformance(async () => {
  const store = SqliteStore.open(':memory:');
  await store.users.add('alice', 'hash', 0, 'user');
  const user = await store.users.get('alice');
  if (!user) throw new Error('no user');
  const keys = new ApiKeys(store);
  const token = keys.issue('alice');
  return {
    authenticator: keys.authenticator,
    clock,
    user,
    valid: { token },
    wrong: { token: `${token}x` },
    unknown: { token: 'key_of_nobody' },
    withSecret: (secret: string) => ({ token: secret }),
    work: () => keys.lookUps,
    revoke: async () => keys.revoke(token),
    close: () => store.close(),
  };
});

routesConformance(async (routes) => {
  let keys: ApiKeys | null = null;
  const reflector = await startReflector({
    routes,
    limits: { formBytes: 32, exchangesPerUser: 2 },
    store: () => SqliteStore.open(':memory:'),
    authenticators: (store) => {
      keys = new ApiKeys(store);
      return [keys.authenticator];
    },
  });
  await reflector.store.users.add('alice', await hashed, 0, 'user');
  const { port } = reflector;
  const answer = await fetch(`http://localhost:${port}/log-in`, {
    method: 'POST',
    redirect: 'manual',
    headers: { Origin: `http://localhost:${port}` },
    body: new URLSearchParams({ name: 'alice', password }),
  });
  const issued = keys as ApiKeys | null;
  const key = issued?.issue('alice');
  return {
    port,
    program: { Authorization: `Bearer ${key}` },
    browser: { Cookie: answer.headers.getSetCookie().join('; ') },
    proof: 'token',
    origin: 'http://localhost',
    devicePage: 'http://dev1.localhost',
    formBytes: 32,
    concurrency: 2,
    revoke: async () => {
      await reflector.store.users.remove('alice', true);
    },
    close: () => reflector.close(),
  };
});

test('each entry resolves to what was built, with its types', async () => {
  expect([typeof storeConformance, typeof presenceConformance]).toEqual(['function', 'function']);
  expect(new AuthenticatorUnavailable('away')).not.toBeInstanceOf(StoreError);
  const script = `
    import { existsSync } from 'node:fs';
    import { fileURLToPath } from 'node:url';
    const { startReflector } = await import('rm-reflector');
    const { StoreUnavailable } = await import('rm-reflector/ports');
    const suites = fileURLToPath(import.meta.resolve('rm-reflector/ports/conformance'));
    const types = suites.replace(/\\.js$/, '.d.ts');
    console.log([typeof startReflector, typeof StoreUnavailable, existsSync(suites), existsSync(types)].join(' '));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
  });
  expect(stdout).toBe('function function true true\n');
});
