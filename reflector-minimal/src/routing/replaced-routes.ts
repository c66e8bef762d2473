import type { Route } from '../ports/routes.ts';

/**
 * The reflector's own routes without what added ones replace: a method and path of an added route with `replaces`. A route that
 * keeps other methods stays for those.
 */
export function withoutReplaced(own: readonly Route[], added: readonly Route[]): Route[] {
  return own.flatMap((route): Route[] => {
    if (!('answer' in route)) return [route];
    const methods = route.methods.filter(
      (method) =>
        !added.some(
          (other) =>
            'answer' in other &&
            other.replaces === true &&
            other.path === route.path &&
            other.methods.includes(method),
        ),
    );
    if (methods.length === 0) return [];
    return [methods.length === route.methods.length ? route : { ...route, methods }];
  });
}
