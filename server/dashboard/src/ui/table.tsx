import type { ComponentChildren } from 'preact';
import { t } from '../texts/language.ts';
import { Blank, Fault, Loading } from './blank.tsx';
import type { IconName } from './icon.tsx';
import { More, type Pages } from './list.tsx';

export interface Column<Item> {
  readonly title: string;
  readonly cell: (item: Item) => ComponentChildren;
}

/** A list in pages, with what it says when it is empty and what can be done with each row. */
export function Table<Item>({
  pages,
  columns,
  keyOf,
  actions,
  empty,
}: {
  readonly pages: Pages<Item>;
  readonly columns: readonly Column<Item>[];
  readonly keyOf: (item: Item) => string;
  readonly actions?: (item: Item) => ComponentChildren;
  /** Without it, the list is never empty. */
  readonly empty?: { readonly icon: IconName; readonly title: string; readonly hint: ComponentChildren };
}) {
  const { items, fault, reload, more } = pages;
  if (!items) return fault === null ? <Loading /> : <Fault fault={fault} retry={reload} />;
  if (items.length === 0 && empty) {
    return (
      <Blank icon={empty.icon} title={empty.title}>
        {empty.hint}
      </Blank>
    );
  }
  return (
    <div class="card">
      <div class="scroll">
        <table class="cards">
          <thead>
            <tr>
              {columns.map(({ title }) => (
                <th key={title}>{title}</th>
              ))}
              {actions && (
                <th>
                  <span class="hidden">{t('column.actions')}</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {items.map((item) => (
              <tr key={keyOf(item)}>
                {columns.map(({ title, cell }) => (
                  <td key={title} data-label={title}>
                    <span>{cell(item)}</span>
                  </td>
                ))}
                {actions && <td class="actions">{actions(item)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <More more={more} />
    </div>
  );
}

/** What stands above a list: a word about it, and the button that adds to it. */
export function Above({ hint, children }: { readonly hint: string; readonly children?: ComponentChildren }) {
  return (
    <div class="head">
      <p class="muted" style={{ flex: '1 1 20rem' }}>
        {hint}
      </p>
      {children && <div class="actions">{children}</div>}
    </div>
  );
}
