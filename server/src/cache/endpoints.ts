import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../api/endpoint.ts';
import { type DevicesContext, deviceFor } from '../devices/context.ts';
import { deviceParameters } from '../devices/schemas.ts';
import type { AnswerCache } from './answers/answer-cache.ts';

const everything = { kind: 'everything' } as const;
const emptied = {
  status: 200,
  description: 'It is empty.',
  schema: Type.Object({ dropped: Type.Integer({ description: 'Answers that were kept.' }) }),
} as const;

/** `GET /cache`. */
export function getCache(cache: AnswerCache): Endpoint {
  return endpoint({
    operation: 'getCache',
    method: 'GET',
    path: '/cache',
    tag: 'Server',
    summary: 'Tells what the cache of images and style sheets holds.',
    needs: 'server.read',
    replies: [
      {
        status: 200,
        description: 'Counted since the start.',
        schema: Type.Object({
          bytes: Type.Integer({ description: 'That it may take; 0: there is no cache.' }),
          used: Type.Integer({ description: 'Bytes that it takes.' }),
          answers: Type.Integer({ description: 'That it keeps.' }),
          hits: Type.Integer({ description: 'Requests that it has answered.' }),
          revalidated: Type.Integer({
            description: 'The same, after the device has said that the answer still holds.',
          }),
          misses: Type.Integer({ description: 'Requests that the device has answered.' }),
          savedBytes: Type.Integer({ description: 'That users got and devices did not send.' }),
        }),
      },
    ],
    handle({ caller }) {
      caller.require('server.read', everything);
      const { bytes, used, kept, figures } = cache;
      const { hits, revalidated, misses, savedBytes } = figures;
      return { body: { bytes, used, answers: kept, hits, revalidated, misses, savedBytes } };
    },
  });
}

/** `DELETE /cache`. */
export function emptyCache(cache: AnswerCache): Endpoint {
  return endpoint({
    operation: 'emptyCache',
    method: 'DELETE',
    path: '/cache',
    tag: 'Server',
    summary: 'Empties the cache of images and style sheets.',
    needs: 'devices.write',
    replies: [emptied],
    handle({ caller, note }) {
      caller.require('devices.write', everything);
      const dropped = cache.clear();
      note(`${dropped} answers`);
      return { body: { dropped } };
    },
  });
}

/** `DELETE /devices/{id}/cache`. */
export function emptyDeviceCache(context: DevicesContext, cache: AnswerCache): Endpoint {
  return endpoint({
    operation: 'emptyDeviceCache',
    method: 'DELETE',
    path: '/devices/{id}/cache',
    tag: 'Devices',
    summary: 'Drops what is kept of the web interfaces of a device.',
    description: 'Such as after an update that the device does not show in its property `version`.',
    parameters: deviceParameters,
    needs: 'devices.write',
    replies: [emptied],
    async handle({ caller, parameters, note }) {
      const device = await deviceFor(context, caller, parameters.id, 'devices.write');
      const dropped = cache.clearDevice(device.id);
      note(`${dropped} answers`, { device: device.id });
      return { body: { dropped } };
    },
  });
}
