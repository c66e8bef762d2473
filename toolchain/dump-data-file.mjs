import { LastingDatabase } from 'rm-reflector/store';

/**
 * `node toolchain/dump-data-file.mjs FILE`: prints a data file of the reflector or the server as SQL, which makes an equal
 * one. For `server/src/store/versions`; stop the program before.
 */
const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('must be dump-data-file.mjs FILE');
const database = new LastingDatabase(path, { readonly: true, fileMustExist: true });

/** @type {(sql: string) => string[][]} */
const rowsOf = (sql) => /** @type {string[][]} */ (database.prepare(sql).raw().all());

const kinds = new Map(
  rowsOf("SELECT name, type FROM pragma_table_list WHERE schema = 'main'").map(([name, type]) => [
    name,
    type,
  ]),
);
const objects = rowsOf(
  "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
)
  .map(([type = '', name = '', sql = '']) => ({ type, name, sql }))
  .filter(({ name }) => kinds.get(name) !== 'shadow');
const tables = objects.filter(({ type }) => type === 'table');

/** @type {(value: unknown) => string} */
const literal = (value) => {
  if (value === null) return 'NULL';
  if (Buffer.isBuffer(value)) return `x'${value.toString('hex')}'`;
  return typeof value === 'bigint' ? String(value) : `'${String(value).replaceAll("'", "''")}'`;
};
/** @type {(table: string) => string[]} */
const inserts = (table) => {
  const rows = database.prepare(`SELECT * FROM "${table}"`).safeIntegers().raw().all();
  return /** @type {unknown[][]} */ (rows).map(
    (row) => `INSERT INTO ${table} VALUES (${row.map(literal).join(', ')});`,
  );
};

const lines = [
  'PRAGMA foreign_keys = OFF;',
  ...rowsOf('PRAGMA user_version').map(([version]) => `PRAGMA user_version = ${version};`),
  ...objects.filter(({ type }) => type === 'table' || type === 'view').map(({ sql }) => `${sql};`),
  ...tables.flatMap(({ name }) => (kinds.get(name) === 'table' ? inserts(name) : [])),
  'DELETE FROM sqlite_sequence;',
  ...inserts('sqlite_sequence'),
  // The index of texts is built from its table.
  ...tables
    .filter(({ sql }) => /USING fts5 /.test(sql))
    .map(({ name }) => `INSERT INTO ${name} (${name}) VALUES ('rebuild');`),
  // Last: nothing is to happen while rows are put in.
  ...objects.filter(({ type }) => type === 'index' || type === 'trigger').map(({ sql }) => `${sql};`),
];
process.stdout.write(`${lines.join('\n')}\n`);
