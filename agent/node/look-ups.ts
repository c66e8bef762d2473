import { lookup } from 'node:dns';
import type { Address, Cancellable, HostError } from '../src/host.ts';
import { toHostError } from './errors.ts';

type Done = (addresses: readonly Address[], error: HostError | null) => void;

/**
 * Look-ups that somebody waits for. Each holds one of the two threads that libuv has for them, as long as the name server
 * is silent; so a look-up of the same name meanwhile waits with the first, and other names are not held up.
 */
const underWay = new Map<string, Set<Done>>();

export function resolve(name: string, done: Done): Cancellable {
  let waiting = underWay.get(name);
  // One that nobody waits for any more was perhaps asked on another network.
  if (waiting === undefined || waiting.size === 0) waiting = ask(name);
  const all = waiting;
  const own: Done = (addresses, error) => done(addresses, error);
  all.add(own);
  return { cancel: () => all.delete(own) };
}

function ask(name: string): Set<Done> {
  const waiting = new Set<Done>();
  underWay.set(name, waiting);
  lookup(name, { all: true, verbatim: true }, (error, found) => {
    if (underWay.get(name) === waiting) underWay.delete(name);
    const addresses = error
      ? []
      : found.map(({ address, family }): Address => ({ address, family: family === 6 ? 6 : 4 }));
    for (const done of waiting) done(addresses, error && toHostError(error));
  });
  return waiting;
}
