import type { Method } from '../ports/routes.ts';

/** What the table knows of a route. */
export interface Placed {
  readonly methods: readonly Method[];
  readonly path: string;
  readonly otherMethods?: 'not allowed';
}

/** What a method and a path lead to. */
export interface Found<Route> {
  readonly route: Route | undefined;
  readonly parameters: readonly string[];
  /** A route of this path that refuses other methods than those of `allowed`, where none takes this one. */
  readonly refused: Route | undefined;
  readonly allowed: readonly string[];
}

/** Routes by path. A path without `*` comes before one with it; one that ends with a segment `**` counts where no other fits. */
export class RouteTable<Route extends Placed> {
  readonly #exact = new Map<string, Route[]>();
  readonly #patterns: { readonly segments: readonly string[]; readonly routes: Route[] }[] = [];

  /** By what comes before `**`, the longest first. */
  readonly #rests: { readonly above: string; readonly routes: Route[] }[] = [];

  /** Throws when two routes have the same method and path. */
  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const same = this.#routesOf(route.path);
      const twice = route.methods.find((method) => same.some(({ methods }) => methods.includes(method)));
      if (twice !== undefined) throw new Error(`there are two routes for ${twice} ${route.path}`);
      same.push(route);
    }
  }

  get isEmpty(): boolean {
    return this.#exact.size + this.#patterns.length + this.#rests.length === 0;
  }

  find(method: string, path: string): Found<Route> {
    const candidates = this.#candidates(path);
    const found = candidates.find(({ route }) => (route.methods as readonly string[]).includes(method));
    const strict = candidates
      .map(({ route }) => route)
      .filter(({ otherMethods }) => otherMethods === 'not allowed');
    return {
      route: found?.route,
      parameters: found?.parameters ?? [],
      refused: found ? undefined : strict[0],
      allowed: strict.flatMap(({ methods }) => methods),
    };
  }

  #candidates(path: string): { readonly route: Route; readonly parameters: readonly string[] }[] {
    const segments = path.split('/');
    const exact = (this.#exact.get(path) ?? []).map((route) => ({ route, parameters: [] }));
    const others = this.#patterns
      .filter((pattern) => matches(pattern.segments, segments))
      .flatMap((pattern) => {
        const parameters = segments.filter((_segment, i) => pattern.segments[i] === '*');
        return pattern.routes.map((route) => ({ route, parameters }));
      });
    if (exact.length + others.length > 0) return [...exact, ...others];
    const rest = this.#rests.find(({ above }) => path.startsWith(above));
    return (rest?.routes ?? []).map((route) => ({ route, parameters: [] }));
  }

  #routesOf(path: string): Route[] {
    if (!path.startsWith('/')) throw new Error(`${path}: the path of a route begins with /`);
    if (path.endsWith('/**')) return this.#restOf(path.slice(0, -2));
    const segments = path.split('/');
    if (!segments.includes('*')) {
      const routes = this.#exact.get(path) ?? [];
      this.#exact.set(path, routes);
      return routes;
    }
    let pattern = this.#patterns.find((one) => one.segments.join('/') === path);
    if (!pattern) {
      pattern = { segments, routes: [] };
      this.#patterns.push(pattern);
    }
    return pattern.routes;
  }

  #restOf(above: string): Route[] {
    let rest = this.#rests.find((one) => one.above === above);
    if (!rest) {
      rest = { above, routes: [] };
      this.#rests.push(rest);
      this.#rests.sort((one, other) => other.above.length - one.above.length);
    }
    return rest.routes;
  }
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, i) => part === segments[i] || (part === '*' && segments[i] !== ''))
  );
}
