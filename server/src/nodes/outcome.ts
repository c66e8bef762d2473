import type { DeviceKey, TunnelEnd } from 'rm-reflector/ports';
import type { PresenceChange, PresenceRow } from './membership-table.ts';

/** A device has come or gone. */
export interface PresenceEvent extends DeviceKey {
  readonly kind: 'device.online' | 'device.offline';
  readonly properties: Readonly<Record<string, string>>;
  readonly end?: TunnelEnd | undefined;
}

export type FormerRow = Pick<PresenceRow, 'id' | 'epoch' | 'generation' | 'gone'>;

export interface Outcome {
  /** Ids of which another node has a later tunnel. */
  readonly lost: readonly string[];
  /** What is to be written. */
  readonly kept: readonly PresenceChange[];
  readonly events: readonly PresenceEvent[];
  /** Of `kept`: there is an event if the device counts as off line. */
  readonly again: readonly PresenceChange[];
}

/** What becomes of changes of a node, each of another device, given what the rows of these devices say. A second time there are no events. */
export function outcomeOf(
  epoch: number,
  changes: readonly PresenceChange[],
  formers: readonly FormerRow[],
): Outcome {
  const before = new Map(formers.map((row) => [row.id, row]));
  const lost: string[] = [];
  const kept: PresenceChange[] = [];
  const events: PresenceEvent[] = [];
  const again: PresenceChange[] = [];
  for (const change of changes) {
    const { id, uid, generation, properties } = change;
    const former = before.get(id);
    const isSame = former?.generation === generation && former.epoch === epoch;
    if (change.gone) {
      const isLater = change.untold && (former?.generation ?? -1) < generation;
      // Without a row the database has lost it: that the device has come was told.
      if (former && !isLater && (!isSame || former.gone)) continue;
      if (isLater) events.push({ kind: 'device.online', id, uid, properties });
      events.push({ kind: 'device.offline', id, uid, properties, end: change.end });
    } else if (former && former.generation > generation) {
      lost.push(id);
      continue;
    } else if (isSame ? former.gone : change.again) again.push(change);
    else if (!isSame) events.push({ kind: 'device.online', id, uid, properties });
    kept.push(change);
  }
  return { lost, kept, events, again };
}
