import { Type } from 'typebox';
import { type Caller, type Endpoint, endpoint } from '../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../api/paging.ts';
import { matching } from '../api/pattern.ts';
import { conflict, notFound } from '../api/problem.ts';
import { shownTime, timeSchema } from '../api/time.ts';
import type { Target } from '../rights/permission.ts';
import type { KeptRecording, Recordings } from './recordings.ts';

const id = Type.String({
  ...matching('^[0-9]{13}-[0-9a-f]{16}$', 'must be the ID of a recording, as the list has it'),
  description: 'ID of the recording.',
});
const shown = Type.Object({
  id,
  user: Type.String({ description: 'Whose terminal it was.' }),
  device: Type.String({ description: 'ID that the device had.' }),
  domain: Type.String({ description: 'Domain that the device was in.' }),
  port: Type.Integer(),
  started: timeSchema,
  bytes: Type.Integer({ description: 'Of the file.' }),
  open: Type.Boolean({ description: 'Whether the terminal is open, so that it still grows.' }),
  cut: Type.Boolean({
    description: 'Whether its end is missing: the server was stopped, or could not keep more.',
  }),
});

const show = ({ id: name, about, started, bytes, isOpen, isCut }: KeptRecording) => ({
  id: name,
  user: about.user,
  device: about.device,
  domain: about.domain,
  port: about.port,
  started: shownTime(started),
  bytes,
  open: isOpen,
  cut: isCut,
});

/** The device as it was then: in its domain, under its ID. */
const targetOf = ({ about: { device, uid, domain } }: KeptRecording): Target => ({
  kind: 'device',
  device: { id: device, uid, domain },
});

/** For the audit log: records about a device are for those who may read it now, and what it was before is no concern of theirs. */
function about(target: Target): { readonly device?: string } {
  return target.kind === 'device' ? { device: target.device.id } : {};
}

/** What recordings are judged by, as it is now. Times are wall-clock ms. */
export interface RecordedPlaces {
  /** Since when the domains of a list that exist do. */
  domainsCreated(ids: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Since when the devices of a list that exist are in their domain, by `uid`. */
  devicesPlaced(
    uids: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly domain: string; readonly since: number }>>;
}

/** Recordings of terminals, for those who may see them. */
export function recordingEndpoints(recordings: Recordings, places: RecordedPlaces): Endpoint[] {
  /**
   * What each of them belongs to now. A device that has left its domain since takes none along, and those of a domain that was removed are
   * no concern of who has got its name since.
   */
  const targetsOf = async (kept: readonly KeptRecording[]): Promise<(one: KeptRecording) => Target> => {
    const [created, placed] = await Promise.all([
      places.domainsCreated([...new Set(kept.map(({ about }) => about.domain))]),
      places.devicesPlaced([...new Set(kept.map(({ about }) => about.uid))]),
    ]);
    return (one) => {
      const { about, started } = one;
      if (started < (created.get(about.domain) ?? Number.POSITIVE_INFINITY)) return { kind: 'everything' };
      const place = placed.get(about.uid);
      const isThere = place !== undefined && place.domain === about.domain && place.since <= started;
      return isThere ? targetOf(one) : { kind: 'domain', domain: about.domain };
    };
  };
  const seenOf = async (caller: Caller, kept: readonly KeptRecording[]): Promise<KeptRecording[]> => {
    const held = kept.filter((one) => caller.may('recordings.read', targetOf(one)));
    if (held.length === 0 || caller.extent('recordings.read') === null) return held;
    const targetNow = await targetsOf(held);
    return held.filter((one) => caller.may('recordings.read', targetNow(one)));
  };
  const found = async (caller: Caller, name: string): Promise<KeptRecording> => {
    const kept = await recordings.get(name);
    const [seen] = kept ? await seenOf(caller, [kept]) : [];
    if (!seen) throw notFound(`recording ${name}`);
    return seen;
  };
  return [
    endpoint({
      operation: 'listRecordings',
      method: 'GET',
      path: '/recordings',
      tag: 'Recordings',
      summary: 'Lists recordings of terminals, the latest first.',
      needs: 'recordings.read',
      query: Type.Object({
        ...pageQuery,
        device: Type.Optional(
          Type.String({ minLength: 1, maxLength: 254, description: 'ID of the device.' }),
        ),
      }),
      replies: [{ status: 200, description: 'A page of recordings.', schema: pageOf(shown) }],
      async handle({ caller, query: { limit, cursor, device } }) {
        const [before = '~'] = readCursor(cursor, 'text') ?? [];
        const seen = await seenOf(
          caller,
          (await recordings.list()).filter(
            (kept) => kept.id < before && (device === undefined || kept.about.device === device),
          ),
        );
        return { body: pageFrom(seen.slice(0, limit + 1), limit, show, ({ id: last }) => [last]) };
      },
    }),
    endpoint({
      operation: 'getRecording',
      method: 'GET',
      path: '/recordings/{id}',
      tag: 'Recordings',
      summary: 'Gives a recording as an asciicast, version 2.',
      description: 'Play it with asciinema, or in the dashboard. The audit log has who did.',
      parameters: Type.Object({ id }),
      needs: 'recordings.read',
      replies: [
        {
          status: 200,
          description: 'What the terminal has shown; never what was typed.',
          type: 'application/x-asciicast',
          schema: Type.String(),
        },
      ],
      async handle({ caller, parameters, note }) {
        const kept = await found(caller, parameters.id);
        note(`recording ${kept.id} of ${kept.about.user}`, about((await targetsOf([kept]))(kept)));
        return { type: 'application/x-asciicast', stream: recordings.read(kept.id) };
      },
    }),
    endpoint({
      operation: 'deleteRecording',
      method: 'DELETE',
      path: '/recordings/{id}',
      tag: 'Recordings',
      summary: 'Deletes a recording.',
      parameters: Type.Object({ id }),
      needs: 'recordings.delete',
      replies: [
        { status: 204, description: 'It is deleted.' },
        { status: 409, description: 'Its terminal is open.' },
      ],
      async handle({ caller, parameters, note }) {
        const kept = await found(caller, parameters.id);
        const target = (await targetsOf([kept]))(kept);
        caller.require('recordings.delete', target);
        if (!(await recordings.remove(kept.id))) throw conflict(`recording ${kept.id}: its terminal is open`);
        note(`recording ${kept.id} of ${kept.about.user}`, about(target));
        return {};
      },
    }),
  ];
}
