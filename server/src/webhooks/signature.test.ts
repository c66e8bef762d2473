import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { newSecret, signedHeaders } from './signature.ts';

test('the package of Standard Webhooks takes what is signed, with the new secret and the former one', () => {
  const [secret, former, other] = [newSecret(), newSecret(), newSecret()];
  const body = '{"type":"device.online","data":{"device":"Pümpe"}}';
  const headers = signedHeaders('msg_1', Date.now(), body, [secret, former]);
  for (const one of [secret, former])
    expect(new Webhook(one).verify(body, headers)).toEqual(JSON.parse(body));
  expect(() => new Webhook(other).verify(body, headers)).toThrow();
  expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
  const late = signedHeaders('msg_1', Date.now() - 600_000, body, [secret]);
  expect(() => new Webhook(secret).verify(body, late)).toThrow('too old');
});
