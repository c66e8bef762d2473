/** JSON as messages have it. */
export type Value = string | number | boolean | null;

/** What `{name}` stands for. */
export type Values = Readonly<Record<string, Value>>;

/** Fills in a text; what is not known stays as it is. */
export function fill(template: string, values: Values): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    return value === undefined || value === null ? whole : String(value);
  });
}

/** A level of a topic: without what separates levels, and without wildcards. */
export function topicLevel(text: string): string {
  return text.replace(/[%/+#]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * The JSON object whose members a map of the configuration names, nested where a name has dots. A text that is one `{name}`
 * alone has the type of its value, and what has no value is left out.
 */
export function jsonOf(template: Readonly<Record<string, string>>, values: Values): string {
  const members = new Map<string, unknown>();
  for (const [path, text] of Object.entries(template)) {
    const whole = /^\{(\w+)\}$/.exec(text)?.[1];
    const value = whole !== undefined && Object.hasOwn(values, whole) ? values[whole] : fill(text, values);
    if (value !== null && value !== undefined) put(members, path.split('.'), value);
  }
  return JSON.stringify(plain(members));
}

function put(members: Map<string, unknown>, [name = '', ...rest]: readonly string[], value: Value): void {
  if (rest.length === 0) {
    members.set(name, value);
    return;
  }
  const found = members.get(name);
  const inner = found instanceof Map ? found : new Map<string, unknown>();
  members.set(name, inner);
  put(inner, rest, value);
}

function plain(members: ReadonlyMap<string, unknown>): unknown {
  return Object.fromEntries(
    [...members].map(([name, value]) => [name, value instanceof Map ? plain(value) : value]),
  );
}

/** The member of a document at a path such as `execution.jobId`; undefined when there is none. */
export function memberAt(document: unknown, path: string): unknown {
  let found = document;
  for (const name of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = new Map<string, unknown>(Object.entries(found)).get(name);
  }
  return found;
}

/** The filter that a topic with `{id}` in it is subscribed with: `+` in the place of its level. */
export function filterOf(topic: string): string {
  return topic
    .split('/')
    .map((level) => (level.includes('{id}') ? '+' : level))
    .join('/');
}

/** The identifier that a topic has where `template` has `{id}`: '' when the template has none, `null` when they differ. */
export function idIn(template: string, topic: string): string | null {
  const [before = '', after] = template.split('{id}');
  if (after === undefined) return topic === template ? '' : null;
  const end = topic.length - after.length;
  const fits = topic.startsWith(before) && topic.endsWith(after) && end > before.length;
  const id = fits ? topic.slice(before.length, end) : '';
  return id === '' || id.includes('/') ? null : id;
}
