// What BitBake does with the recipe, without BitBake: the values that decide about the build, and the commands of a task.

/**
 * The value that an assignment of the recipe has, over all its lines; empty if there is none.
 * @param {string} recipe
 * @param {string} variable
 */
export function assigned(recipe, variable) {
  const start = recipe.split(`\n${variable} = "`)[1] ?? '';
  return (/^(?:[^"\\]|\\.|\\\n)*/.exec(start)?.[0] ?? '').replaceAll('\\\n', '').trim();
}

/**
 * What CMake gets of the recipe with these entries of PACKAGECONFIG.
 * @param {string} recipe
 * @param {readonly string[]} chosen
 */
export function cmakeOptions(recipe, chosen) {
  const entries = [...recipe.matchAll(/^PACKAGECONFIG\[([\w-]+)\] = "([^,"]*),([^,"]*)/gm)];
  const options = entries.map(([, name = '', on, off]) => (chosen.includes(name) ? on : off));
  return [assigned(recipe, 'EXTRA_OECMAKE'), ...options].join(' ');
}

/**
 * A function of the recipe as a shell runs it.
 * @param {string} recipe
 * @param {string} name
 * @param {Readonly<Record<string, string>>} variables
 * @param {readonly string[]} features DISTRO_FEATURES
 */
export function shellFunction(recipe, name, variables, features) {
  const body = recipe.split(`\n${name}() {\n`)[1]?.split('\n}\n')[0];
  if (body === undefined) throw new Error(`the recipe has no ${name}`);
  return body
    .replaceAll(
      /\$\{@bb\.utils\.contains\('DISTRO_FEATURES', '(\w+)', '(\w+)', '(\w+)', d\)\}/g,
      (_, feature, yes, no) => (features.includes(feature) ? yes : no),
    )
    .replaceAll(/\$\{(\w+)\}/g, (whole, variable) => variables[variable] ?? whole);
}
