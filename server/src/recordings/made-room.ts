import type { AuditRecord } from 'rm-reflector/ports';
import type { RecordedPlaces } from './endpoints.ts';
import type { KeptRecording } from './recordings.ts';

/**
 * What the audit log has of a recording that has made room for another one. It is about the device as long as that is where it was
 * recorded: whoever has the device since learns nothing of it.
 */
export async function madeRoomRecord(
  { id, about, started }: Pick<KeptRecording, 'id' | 'about' | 'started'>,
  { devicesPlaced }: Pick<RecordedPlaces, 'devicesPlaced'>,
): Promise<AuditRecord> {
  const place = (await devicesPlaced([about.uid])).get(about.uid);
  const isThere = place !== undefined && place.domain === about.domain && place.since <= started;
  const detail = `recording ${id} of ${about.user}`;
  return {
    event: 'recording-made-room',
    allowed: true,
    ...(isThere ? { device: about.device } : {}),
    detail,
  };
}
