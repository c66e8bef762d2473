import { devicesContext } from '../devices/context.ts';
import type { Core, Part } from '../part.ts';
import { emptyCache, emptyDeviceCache, getCache } from './endpoints.ts';

/** The cache of what pages of devices are made of, for people. What it does with requests is in `cache/answers`. */
export const cachePart: Part = {
  run(core: Core) {
    const { cache, log } = core;
    return {
      endpoints: [getCache(cache), emptyCache(cache), emptyDeviceCache(devicesContext(core), cache)],
      reload(configuration) {
        const bytes = configuration.cache?.bytes ?? 0;
        if (bytes === cache.bytes) return;
        log.info({ from: cache.bytes, to: bytes }, 'cache.bytes has changed: the cache is empty');
        cache.resize(bytes);
      },
    };
  },
};
