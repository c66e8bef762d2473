import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Cancellable, Clock } from 'rm-protocol';

/** How long one name server is waited for, ms; with the second try it has twice that. */
const serverMs = 3_000;

/**
 * How long the other family is waited for once the one has answered, ms: many name servers that know the one never answer for
 * the other (RFC 8305, 3).
 */
const otherFamilyMs = 250;

/** What a machine knows of names. */
export interface NameSources {
  /** `ADDRESS:PORT`; by default the ones of the machine. */
  readonly servers?: readonly string[];
  readonly hostsFile?: string;
  /** Of its search list. */
  readonly resolverFile?: string;
}

/**
 * All addresses of a name: those of `/etc/hosts`, else those that the name servers say, with the search list of
 * `/etc/resolv.conf` where they do not know the name itself. `localhost` is loopback, whoever says otherwise (RFC 6761, 6.3).
 *
 * This is not `dns.lookup`, which waits in a thread of the process and cannot be ended. There are two for this: name servers that do not
 * answer for one receiver would keep all others waiting, and whoever logs in by a directory. Rejects, one line for a person, when
 * there is no address, and when the signal ends it.
 */
export async function lookUpName(
  name: string,
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: Clock },
  { servers, hostsFile = '/etc/hosts', resolverFile = '/etc/resolv.conf' }: NameSources = {},
): Promise<LookupAddress[]> {
  const wanted = name.toLowerCase();
  const bare = wanted.replace(/\.$/, '');
  if (/^(?:.+\.)?localhost$/.test(bare)) return [v4('127.0.0.1'), v6('::1')];
  const [hosts, settings] = await Promise.all([hostsFile, resolverFile].map(textOf));
  const listed = addressesIn(hosts ?? '', bare);
  if (listed.length > 0) return listed;
  signal.throwIfAborted();
  const resolver = new Resolver({ timeout: serverMs, tries: 2 });
  if (servers) resolver.setServers(servers);
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel);
  try {
    const suffixes = wanted === bare ? searchListIn(settings ?? '') : [];
    for (const full of [bare, ...suffixes.map((suffix) => `${bare}.${suffix}`)]) {
      const found = await ask(resolver, full, clock);
      if (found.length > 0) return found;
      signal.throwIfAborted();
    }
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      code === 'ETIMEOUT' ? `no name server answers for ${bare}` : `${bare} cannot be looked up: ${code}`,
    );
  } finally {
    signal.removeEventListener('abort', cancel);
    // What nobody waits for any more.
    resolver.cancel();
  }
  throw new Error(`the name ${bare} has no address`);
}

/** None: there is no such name. Rejects when nobody says so. */
async function ask(resolver: Resolver, name: string, clock: Clock): Promise<LookupAddress[]> {
  const families = [
    { asked: resolver.resolve4(name), as: v4 },
    { asked: resolver.resolve6(name), as: v6 },
  ];
  const found: LookupAddress[][] = families.map(() => []);
  let failure: unknown;
  await new Promise<void>((resolve) => {
    let [left, isKnown] = [families.length, false];
    let timer: Cancellable | null = null;
    const settled = () => {
      left--;
      if (left > 0 && isKnown) timer ??= clock.schedule(otherFamilyMs, resolve);
      if (left > 0) return;
      timer?.cancel();
      resolve();
    };
    for (const [i, { asked, as }] of families.entries()) {
      asked
        .then(
          (addresses) => {
            found[i] = addresses.map(as);
            isKnown ||= addresses.length > 0;
          },
          (error: NodeJS.ErrnoException) => {
            // There is no such name, whichever the family; but ENODATA speaks of one.
            if (error.code === 'ENOTFOUND') isKnown = true;
            else if (error.code !== 'ENODATA') failure ??= error;
          },
        )
        .then(settled);
    }
  });
  const all = found.flat();
  if (all.length === 0 && failure !== undefined) throw failure;
  return all;
}

/** Of a name in small letters, in lines as those of `/etc/hosts`. */
function addressesIn(hosts: string, name: string): LookupAddress[] {
  return hosts.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (!names.some((one) => one.toLowerCase() === name)) return [];
    return isIP(address) === 4 ? [v4(address)] : isIP(address) === 6 ? [v6(address)] : [];
  });
}

/** The last one counts (resolv.conf(5)). */
function searchListIn(settings: string): string[] {
  const lines = settings.match(/^(?:search|domain)[ \t].*$/gm) ?? [];
  const [, ...suffixes] = lines.at(-1)?.trim().split(/\s+/) ?? [];
  return suffixes.map((suffix) => suffix.replace(/\.$/, '')).filter((suffix) => suffix !== '');
}

/** Empty: there is no such file. */
function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}

const v4 = (address: string): LookupAddress => ({ address, family: 4 });
const v6 = (address: string): LookupAddress => ({ address, family: 6 });
