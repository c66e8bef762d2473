import { BlockList, isIP } from 'node:net';

/** Not of the public internet: IANA's registries of special-purpose addresses (RFC 6890), and multicast. */
const special = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24'],
  ...['203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  // Only 2000::/3 is given out to the public. 2002::/16, 2001::/32 and 64:ff9b::/96 hold addresses of IPv4.
  ...['::/3', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '4000::/2', '8000::/1'],
];

type Family = 'ipv4' | 'ipv6';

function familyOf(address: string): Family | null {
  const version = isIP(address);
  return version === 0 ? null : version === 4 ? 'ipv4' : 'ipv6';
}

/** One list a family: in one for both, Node would find an address of IPv4 in `::/3`. Throws when a text is no network. */
function listsOf(networks: readonly string[]): Readonly<Record<Family, BlockList>> {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const network of networks) {
    const [address = '', bits, ...more] = network.split('/');
    const family = familyOf(address);
    const most = family === 'ipv4' ? 32 : 128;
    const length = bits === undefined ? most : Number(bits);
    if (family === null || more.length > 0 || !/^\d+$/.test(bits ?? '0') || length > most) {
      throw new Error(`${network}: is no address and no network`);
    }
    lists[family].addSubnet(address, length, family);
  }
  return lists;
}

/**
 * Which addresses webhooks may lead to. Whoever may set a webhook up is to reach nothing by the server that the internet cannot
 * reach, such as the metadata of a cloud or a database beside it.
 */
export class Destinations {
  readonly #special = listsOf(special);
  readonly #allowed: Readonly<Record<Family, BlockList>>;

  /** `allowed`: addresses and networks. Throws when one is neither. */
  constructor(allowed: readonly string[]) {
    this.#allowed = listsOf(allowed);
  }

  /** Why not to this address; `null`: it is allowed. */
  refusal(address: string, secure: boolean): string | null {
    const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
    const family = familyOf(plain);
    if (family === null) return `${address} is no address`;
    if (this.#allowed[family].check(plain, family)) return null;
    if (this.#special[family].check(plain, family))
      return `${plain} is not an address of the public internet`;
    return secure ? null : 'without TLS, only to addresses in webhooks.allow';
  }
}
