import { randomBytes, scrypt, scryptSync, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { DemoFleet } from './demo-fleet.ts';
import { Fleet } from './fleet.ts';
import type { Customer } from './portal.ts';

const derive = promisify<string, Buffer, number, Buffer>(scrypt);

/** Customers with a password each; a real portal has a log-in already. */
export function demoCustomers({ server, keys }: DemoFleet) {
  const passwords = new Map<string, string>();
  const customers = [...keys].map(([name, key]): Customer => {
    const password = randomBytes(9).toString('base64url');
    passwords.set(name, password);
    const salt = randomBytes(16);
    const hash = scryptSync(password, salt, 32);
    return {
      name,
      // Beside the loop: it takes as long for whoever guesses, and nobody else waits for that.
      verify: async (text) => timingSafeEqual(await derive(text, salt, 32), hash),
      fleet: new Fleet(server, key),
    };
  });
  return { customers, passwords };
}
