import { storeConformance } from '../ports/conformance/store.ts';
import { RemoteData } from './remote-store.ts';

storeConformance('one far away', async () => {
  const data = new RemoteData();
  return {
    store: data.open(),
    openAgain: async () => data.open(),
    makeUnavailable: async () => {
      const connect = data.disconnect();
      return async () => connect();
    },
    end: async () => {},
  };
});
