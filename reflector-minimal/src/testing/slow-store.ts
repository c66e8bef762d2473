import { SqliteStore } from '../store/sqlite-store.ts';
import { settled } from './settled.ts';

/**
 * A store in memory that answers as one far away does: everything else that can happen happens before a call reaches it, and
 * again before its answer is there.
 */
export function openSlowStore(): SqliteStore {
  const store = SqliteStore.open(':memory:');
  const { users, devices, sessions } = store;
  users.get = slow(users.get.bind(users));
  users.useTotpStep = slow(users.useTotpStep.bind(users));
  users.useRecoveryCode = slow(users.useRecoveryCode.bind(users));
  users.setPassword = slow(users.setPassword.bind(users));
  devices.credentials = slow(devices.credentials.bind(devices));
  devices.countUnclaimed = slow(devices.countUnclaimed.bind(devices));
  devices.addUnclaimed = slow(devices.addUnclaimed.bind(devices));
  sessions.add = slow(sessions.add.bind(sessions));
  return store;
}

function slow<Values extends unknown[], Result>(
  call: (...values: Values) => Promise<Result>,
): (...values: Values) => Promise<Result> {
  return async (...values) => {
    await settled();
    const result = await call(...values);
    await settled();
    return result;
  };
}
