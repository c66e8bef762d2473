/** A value within a search filter (RFC 4515 section 3): nothing in it has a meaning of its own. */
export function escapeFilter(value: string): string {
  return value.replaceAll(/[\\*()\0]/g, hexadecimal);
}

/** The value of an attribute within a distinguished name (RFC 4514 section 2.4). */
export function escapeDn(value: string): string {
  return value.replaceAll(/[\\",+;<>=\0]/g, hexadecimal).replaceAll(/^[ #]|(?<=.) $/gs, hexadecimal);
}

function hexadecimal(character: string): string {
  return `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** Where a template of the configuration takes the name that was typed. */
export const placeholder = '{name}';

/** A search filter for this name. */
export function filterFor(template: string, name: string): string {
  return template.replaceAll(placeholder, () => escapeFilter(name));
}

/** What to bind as for this name: a distinguished name; or, if the template is none, `NAME@DOMAIN` or `DOMAIN\NAME`. */
export function bindNameFor(template: string, name: string): string {
  return template.replaceAll(placeholder, () => (template.includes('=') ? escapeDn(name) : name));
}
