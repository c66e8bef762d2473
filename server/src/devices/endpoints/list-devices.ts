import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../../api/paging.ts';
import { givenTime, readTime } from '../../api/time.ts';
import { defaultLimits as limits } from '../../limits.ts';
import { searchBounds } from '../../store/search-text.ts';
import type { DevicesContext } from '../context.ts';
import type { DeviceOrder, DeviceSort, Position } from '../device-search.ts';
import { listedDevice, queryProblem, showListed } from '../schemas.ts';

const sorts = ['id', '-id', 'name', '-name', 'created', '-created', 'lastSeen', '-lastSeen'] as const;

/** `GET /devices`. */
export function listDevices({ devices }: DevicesContext): Endpoint {
  return endpoint({
    operation: 'listDevices',
    method: 'GET',
    path: '/devices',
    tag: 'Devices',
    summary: 'Lists devices.',
    description:
      'Pages follow the order and not a count: a device that comes or goes moves no other. One whose place in the order changes meanwhile may be left out or come twice.',
    query: Type.Object({
      ...pageQuery,
      text: Type.Optional(
        Type.String({
          maxLength: searchBounds.characters,
          description: 'Words that all occur in ID, name, description, tags or properties (NAME=VALUE).',
        }),
      ),
      domain: Type.Optional(Type.String({ maxLength: 64 })),
      tag: Type.Optional(Type.String({ maxLength: 64 })),
      status: Type.Union([Type.Literal('all'), Type.Literal('online'), Type.Literal('offline')], {
        default: 'all',
      }),
      lastSeenBefore: Type.Optional({
        ...givenTime,
        description: 'Off line since before this time, or never on line.',
      }),
      lastSeenSince: Type.Optional({
        ...givenTime,
        description: 'On line, or last seen at this time or later.',
      }),
      createdSince: Type.Optional(givenTime),
      properties: Type.Optional(
        Type.Array(Type.String({ minLength: 1, maxLength: limits.propertyNameLength }), {
          maxItems: limits.listedProperties,
          description: 'Names of properties to be listed with each device.',
        }),
      ),
      sort: Type.Unsafe<(typeof sorts)[number]>({
        type: 'string',
        enum: sorts,
        default: 'id',
        description: 'What to sort by; with "-" the other way round.',
      }),
    }),
    needs: 'devices.read',
    replies: [{ status: 200, description: 'A page of devices.', schema: pageOf(listedDevice) }],
    async handle({ caller, query }) {
      const { limit, cursor, text, domain, tag, status, sort } = query;
      const extent = caller.extent('devices.read');
      const filter = {
        sight: extent === null ? ('all' as const) : { domains: extent.domains, uids: extent.devices },
        text,
        domain,
        tag,
        online: status === 'all' ? undefined : status === 'online',
        seenBefore: timeOf('lastSeenBefore', query.lastSeenBefore),
        seenSince: timeOf('lastSeenSince', query.lastSeenSince),
        createdSince: timeOf('createdSince', query.createdSince),
      };
      const rows = await devices.list(
        filter,
        orderOf(sort),
        positionOf(cursor, sort),
        limit + 1,
        query.properties,
        caller.name,
      );
      const page = pageFrom(
        rows,
        limit,
        ({ device }) => device,
        ({ position }) => [sort, position.key, position.number],
      );
      const items = page.items.filter((device) => device !== null).map(showListed);
      return { body: { items, next: page.next } };
    },
  });
}

function orderOf(sort: string): DeviceOrder {
  const descending = sort.startsWith('-');
  return { sort: (descending ? sort.slice(1) : sort) as DeviceSort, descending };
}

/** A cursor is of one order: with another it would leave out devices. */
function positionOf(cursor: string | undefined, sort: string): Position | null {
  const isText = ['id', 'name'].includes(orderOf(sort).sort);
  const values = readCursor(cursor, 'text', isText ? 'text' : 'integer', 'integer');
  if (!values) return null;
  const [of, key, number] = values;
  if (of === sort) return { key, number };
  throw queryProblem('cursor', 'must be `next` of a page of this very list');
}

/** In wall-clock ms; `undefined` where none is given. */
function timeOf(name: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : readTime(`#query/${name}`, text);
}
