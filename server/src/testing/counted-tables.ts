import type { Tables } from '../store/tables.ts';

/** The same tables; `asked` is called for each statement. */
export function countedTables(tables: Tables, asked: () => void): Tables {
  return {
    dialect: tables.dialect,
    get: (sql, ...values) => {
      asked();
      return tables.get(sql, ...values);
    },
    all: (sql, ...values) => {
      asked();
      return tables.all(sql, ...values);
    },
    run: (sql, ...values) => {
      asked();
      return tables.run(sql, ...values);
    },
    read: (sql, ...values) => {
      asked();
      return tables.read(sql, ...values);
    },
    readsOf: (user) => ({
      dialect: tables.dialect,
      read: (sql, ...values) => {
        asked();
        return tables.readsOf(user).read(sql, ...values);
      },
    }),
    transact: (work) =>
      tables.transact(function* () {
        const steps = work();
        let at = steps.next();
        while (!at.done) {
          asked();
          at = steps.next(yield at.value);
        }
        return at.value;
      }),
  };
}
