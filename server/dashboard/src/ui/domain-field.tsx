import { domainOption, useDomains } from '../state/domains.ts';
import { t } from '../texts/language.ts';
import type { Wrong } from './dialog.tsx';
import { Choice, Field } from './field.tsx';

/** The domain of something new: one of those that one may see, or typed where one may see none. */
export function DomainField({ wrong }: { readonly wrong: Wrong }) {
  const domains = useDomains() ?? [];
  if (domains.length === 0)
    return <Field name="domain" label={t('column.domain')} required maxLength={64} wrong={wrong} />;
  return <Choice name="domain" label={t('column.domain')} options={domains.map(domainOption)} />;
}
