import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../../api/paging.ts';
import { defaultLimits } from '../../limits.ts';
import type { DevicesContext } from '../context.ts';

/** `GET /tags`. */
export function listTags({ devices }: DevicesContext): Endpoint {
  return endpoint({
    operation: 'listTags',
    method: 'GET',
    path: '/tags',
    tag: 'Devices',
    summary: 'Lists the tags of the devices that you see, each once, in the order of their characters.',
    query: Type.Object({
      ...pageQuery,
      text: Type.Optional(
        Type.String({
          maxLength: defaultLimits.tagLength,
          description: 'Only tags with this text, in capitals or small letters.',
        }),
      ),
    }),
    needs: 'devices.read',
    replies: [
      { status: 200, description: 'A page of tags.', schema: pageOf(Type.Object({ tag: Type.String() })) },
    ],
    async handle({ caller, query: { limit, cursor, text = '' } }) {
      const [after = ''] = readCursor(cursor, 'text') ?? [];
      const extent = caller.extent('devices.read');
      const sight = extent === null ? 'all' : { domains: extent.domains, uids: extent.devices };
      const rows = await devices.tags(sight, text, after, limit + 1, caller.name);
      return {
        body: pageFrom(
          rows,
          limit,
          (tag) => ({ tag }),
          (tag) => [tag],
        ),
      };
    },
  });
}
