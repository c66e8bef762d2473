import { parseIp, utf8Decode } from 'rm-protocol';
import type { Files, HostFailure } from '../../host.ts';
import { pageLimits } from './limits.ts';

/** A machine with which the gateway has exchanged packets lately. */
export interface Neighbour {
  readonly address: string;
  /** Its hardware address: `00:11:22:33:44:55`. */
  readonly hardware: string;
  readonly interface: string;
}

/** `ATF_COM` (proc_pid_net(5)): the machine has answered. */
const COMPLETE = 2;

/** What the kernel's table of IPv4 neighbours has now. Nothing is sent. Text: why it cannot be read. */
export function neighbours(files: Pick<Files, 'read'>): readonly Neighbour[] | string {
  let table: string;
  try {
    table = utf8Decode(files.read('/proc/net/arp', pageLimits.neighbourBytes));
  } catch (error) {
    return (error as HostFailure).message;
  }
  const found: Neighbour[] = [];
  for (const line of table.split('\n')) {
    const [address = '', , flags, hardware = '', , name = ''] = line.trim().split(/\s+/);
    if (parseIp(address)?.length !== 4 || (Number(flags) & COMPLETE) === 0) continue;
    if (found.length < pageLimits.neighbours) found.push({ address, hardware, interface: name });
  }
  return found;
}
