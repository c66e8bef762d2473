import { networksOf } from 'rm-reflector';
import { Type } from 'typebox';
import { type Endpoint, openEndpoint } from '../../api/endpoint.ts';
import { matching } from '../../api/pattern.ts';
import { Problem } from '../../api/problem.ts';
import { defaultLimits } from '../../limits.ts';
import type { EnrolmentContext } from '../context.ts';

/** `POST /enroll`. */
export function enroll({ exchange, rate }: EnrolmentContext): Endpoint {
  return openEndpoint({
    operation: 'enroll',
    method: 'POST',
    path: '/enroll',
    tag: 'Enrolment',
    summary: 'Enrols a device.',
    description:
      'For agents. The same request may be repeated: it uses a key once. `202`: a person must enter the code; ask again after `Retry-After`.',
    maxBodyBytes: defaultLimits.enrolmentBytes,
    body: Type.Object({
      id: Type.String({ minLength: 1, maxLength: 128, description: 'ID of the device.' }),
      domain: Type.Optional(
        Type.Union([
          Type.String({
            minLength: 1,
            maxLength: 64,
            ...matching('^[A-Za-z0-9._-]+$', 'must be letters, digits, ".", "_" and "-"'),
          }),
          Type.Null(),
        ]),
      ),
      key: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 1_024,
          description: 'The enrolment key, if the device has one.',
        }),
      ),
      secret: Type.String({
        minLength: 40,
        maxLength: 128,
        ...matching('^[!-~]+$', 'must be printable ASCII without spaces'),
        description: 'At least 256 random bits that the device has made up and keeps.',
      }),
      hardware: Type.String({
        ...matching('^[0-9a-f]{64}$', 'must be 64 hexadecimal digits in small letters'),
        description: 'SHA-256 of what names the hardware, in hexadecimal.',
      }),
      request: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 4_096,
          ...matching('^[A-Za-z0-9+/=]+$', 'must be Base64'),
          description: 'To get a certificate: PKCS#10 of a key of P-256, DER in Base64.',
        }),
      ),
    }),
    replies: [
      {
        status: 200,
        description:
          'The device is enrolled: its user is `ID@DOMAIN`, its password the Base64 of the SHA-256 of `secret:hardware`.',
        schema: Type.Object({
          domain: Type.String(),
          certificate: Type.Optional(Type.String({ description: 'PEM. In place of the password.' })),
          renewAt: Type.Optional(
            Type.Integer({ description: 'When to ask for another, in Unix milliseconds.' }),
          ),
        }),
      },
      {
        status: 202,
        description: 'A person must accept the device.',
        schema: Type.Object({ code: Type.String(), title: Type.String() }),
      },
    ],
    async handle({ body, address }) {
      const wait = rate.take(networksOf(address)[0]);
      if (wait !== null) {
        throw new Problem(429, 'Too many devices enrol at once', {
          headers: { 'Retry-After': String(wait) },
        });
      }
      const outcome = await exchange.take(body, address);
      if (!('code' in outcome)) return { body: outcome };
      const { code, title, retrySeconds } = outcome;
      return { status: 202, body: { code, title }, headers: { 'Retry-After': String(retrySeconds) } };
    },
  });
}
