import { call, get, patch, remove, segment } from '../api/call.ts';
import { Problem } from '../api/problem.ts';
import type { Device, Enrolment } from '../api/types.ts';

const pathOf = (id: string) => `/devices/${segment(id)}`;

export async function readDevice(
  id: string,
  signal?: AbortSignal,
): Promise<{ readonly device: Device; readonly version: string }> {
  const { body, version } = await call<Device>('GET', pathOf(id), signal ? { signal } : {});
  return { device: body, version };
}

/** Reads, changes and writes, again when somebody else was faster. */
export async function changeDevice(id: string, change: (device: Device) => object | null): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { device, version } = await readDevice(id);
    const changes = change(device);
    if (changes === null) return;
    try {
      await patch(pathOf(id), changes, version);
      return;
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 412 || attempt === 3) throw error;
    }
  }
}

export const addTag = (id: string, tag: string): Promise<void> =>
  changeDevice(id, ({ tags }) => (tags.includes(tag) ? null : { tags: [...tags, tag] }));

export const removeTag = (id: string, tag: string): Promise<void> =>
  changeDevice(id, ({ tags }) => (tags.includes(tag) ? { tags: tags.filter((one) => one !== tag) } : null));

export const moveTo = (id: string, domain: string): Promise<void> =>
  changeDevice(id, (device) => (device.domain === domain ? null : { domain }));

/** One that is not on line needs no disconnecting. */
export async function disconnect(id: string): Promise<void> {
  try {
    await call('POST', `${pathOf(id)}/disconnect`);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 409) throw error;
  }
}

export const removeDevice = (id: string): Promise<void> => remove(pathOf(id), '*');

/** Devices that wait to be accepted; at most a page, for a number beside the menu. */
export const readWaiting = async (): Promise<readonly Enrolment[]> =>
  (await get<{ readonly items: readonly Enrolment[] }>('/enrolments', { limit: 100 })).items;
