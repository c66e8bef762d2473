import { afterEach, expect, test } from 'vitest';
import { ask } from '../testing/ask.ts';
import { RemoteData } from '../testing/remote-store.ts';
import { authorization, device, extensions, Stage } from '../testing/stage.ts';

let stage: Stage;
let changing = true;
const writers: Promise<void>[] = [];
afterEach(async () => {
  changing = false;
  await Promise.all(writers);
  await stage.close();
});

test('a user is let in while others change what is theirs without a pause', async () => {
  stage = await Stage.open({ store: () => new RemoteData().open() });
  await stage.web((_request, response) => response.end('device'), { extensions });
  const { users } = stage.reflector.store;
  await users.add('bob', 'x', 0, 'user');
  const change = async () => {
    while (changing) await users.setPassword('bob', 'y');
  };
  for (let i = 0; i < 8; i++) writers.push(change());
  for (const host of [`${device.id}.localhost`, 'localhost']) {
    const answer = await ask(stage.port, '/', { host, headers: { Authorization: authorization } });
    expect([host, answer.status]).toEqual([host, 200]);
  }
});
