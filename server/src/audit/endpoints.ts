import { Type } from 'typebox';
import { type Caller, type Endpoint, endpoint } from '../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../api/paging.ts';
import { givenTime, readTime, shownTime, timeSchema } from '../api/time.ts';
import type { Limits } from '../limits.ts';
import type { AuditQueries, AuditQuery, AuditReader, AuditRow } from './queries.ts';

const text = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 254, description }));
const time = (description: string) => Type.Optional({ ...givenTime, description });

const filter = {
  user: text('Name of the user.'),
  device: text('ID of the device.'),
  event: text('Such as log-in, request, client-tunnel, createGrant.'),
  allowed: Type.Optional(Type.Boolean()),
  since: time('At this time or later; RFC 3339, or a day in UTC.'),
  until: time('Before this time.'),
};

const recordSchema = Type.Object(
  {
    sequence: Type.Integer({ description: 'Grows with each record.' }),
    time: timeSchema,
    event: Type.String(),
    allowed: Type.Boolean(),
  },
  { description: 'Further fields as the reference of the audit log names them. Unknown ones are absent.' },
);

function shown({ sequence, time, record }: AuditRow) {
  const fields = JSON.parse(record) as { readonly event: string; readonly allowed: boolean };
  return { ...fields, sequence, time: shownTime(time) };
}

/** The filter with its times in wall-clock ms. Throws a `Problem`. */
function queryOf<Query extends { readonly since?: string; readonly until?: string }>({
  since,
  until,
  ...rest
}: Query) {
  return {
    ...rest,
    ...(since === undefined ? {} : { since: readTime('#query/since', since) }),
    ...(until === undefined ? {} : { until: readTime('#query/until', until) }),
  };
}

function readerOf(caller: Caller): AuditReader {
  return { user: caller.name, extent: caller.extent('audit.read') };
}

export function auditEndpoints(queries: AuditQueries, limits: Pick<Limits, 'auditExportPage'>): Endpoint[] {
  return [
    endpoint({
      operation: 'listAudit',
      method: 'GET',
      path: '/audit',
      tag: 'Audit',
      summary: 'Lists records of the audit log, the latest first.',
      description: 'Who reads only some devices gets the records about these.',
      needs: 'audit.read',
      query: Type.Object({ ...pageQuery, ...filter }),
      replies: [{ status: 200, description: 'A page of records.', schema: pageOf(recordSchema) }],
      async handle({ caller, query: { limit, cursor, ...query } }) {
        const [before = Number.MAX_SAFE_INTEGER] = readCursor(cursor, 'integer') ?? [];
        const rows = await queries.latest(readerOf(caller), queryOf(query), before, limit + 1);
        return { body: pageFrom(rows, limit, shown, ({ sequence }) => [sequence]) };
      },
    }),
    endpoint({
      operation: 'exportAudit',
      method: 'GET',
      path: '/audit/export',
      tag: 'Audit',
      summary: 'Exports records of the audit log as JSON lines, in their order.',
      description:
        'The last line is `{"complete":true,"records":NUMBER}`. Without it the export was cut, and is not whole.',
      needs: 'audit.read',
      query: Type.Object(filter),
      replies: [
        {
          status: 200,
          description: 'One record a line.',
          type: 'application/x-ndjson',
          schema: Type.String(),
        },
      ],
      async handle({ caller, query, signal, note }) {
        const reader = readerOf(caller);
        const last = await queries.last();
        note(`exported the audit log up to record ${last}`);
        return { stream: lines(queries, reader, queryOf(query), last, limits.auditExportPage, signal) };
      },
    }),
  ];
}

async function* lines(
  queries: AuditQueries,
  reader: AuditReader,
  query: AuditQuery,
  last: number,
  page: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let after = 0;
  let records = 0;
  while (!signal.aborted) {
    const rows = await queries.between(reader, query, after, last, page);
    if (rows.length > 0) yield rows.map((row) => `${JSON.stringify(shown(row))}\n`).join('');
    records += rows.length;
    after = rows.at(-1)?.sequence ?? last;
    if (rows.length < page) {
      yield `${JSON.stringify({ complete: true, records })}\n`;
      return;
    }
  }
  // Nobody may take what has come for the whole.
  throw new Error('the export was broken off');
}
