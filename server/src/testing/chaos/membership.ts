import type { MembershipTable } from '../../nodes/membership-table.ts';
import type { SharedMembership } from '../shared-membership.ts';
import type { SimulatedDatabase } from './database.ts';
import type { Machine } from './machine.ts';

/** The table of nodes as a process reaches it. */
export function membershipOf(
  shared: SharedMembership,
  database: SimulatedDatabase,
  machine: Machine,
): MembershipTable {
  const ask = <Result>(work: () => Result): Promise<Result> => database.call(machine, work);
  return {
    join: (node) => ask(() => shared.join(node)),
    renew: (node, epoch) => ask(() => shared.renew(node, epoch)),
    leave: (epoch) => ask(() => shared.leave(epoch)),
    generations: (count, floor) => ask(() => shared.generations(count, floor)),
    read: (position) => ask(() => shared.read(position)),
    find: (devices) => ask(() => devices.map((device) => shared.find(device))),
    askEnd: (device, end, epoch) => ask(() => shared.askEnd(device, end, epoch)),
    tell: (epoch, changes) => ask(() => shared.tell(epoch, changes)),
    bury: (epoch) => ask(() => shared.bury(epoch)),
    // Nobody hears anything: the readings must do.
    listen: () => () => {},
    settle: () => ask(() => {}),
    close: async () => {},
  };
}
