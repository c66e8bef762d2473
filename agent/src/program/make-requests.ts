import type { MakeRequests, Requests, RequestsFor } from './requests.ts';

/** `load` loads what makes them, where a configuration has some. */
export function requestsBy(load: () => (...given: RequestsFor) => Requests): NonNullable<MakeRequests> {
  return (...given) => {
    const [, , { mqtt, start }] = given;
    return mqtt || start === 'onDemand' ? load()(...given) : null;
  };
}
