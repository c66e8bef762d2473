import type { Webhook } from '../../api/types.ts';
import { t } from '../../texts/language.ts';

export function WebhookState({ webhook: { enabled, failingSince } }: { readonly webhook: Webhook }) {
  if (!enabled) return <span class="tag bad">{t('webhooks.disabled')}</span>;
  if (failingSince !== null) return <span class="tag warn">{t('webhooks.failing')}</span>;
  return <span class="tag good">{t('webhooks.enabled')}</span>;
}
