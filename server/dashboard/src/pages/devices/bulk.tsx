import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import type { Domain } from '../../api/types.ts';
import { forEach, type Progress } from '../../state/bulk.ts';
import { addTag, disconnect, moveTo, removeDevice, removeTag } from '../../state/device-actions.ts';
import { domainOption } from '../../state/domains.ts';
import { may } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { Dialog, Form } from '../../ui/dialog.tsx';
import { explain } from '../../ui/explain.ts';
import { Choice, textOf } from '../../ui/field.tsx';
import { TagField } from '../../ui/tag-field.tsx';

type Action = 'addTag' | 'removeTag' | 'move' | 'disconnect' | 'delete';

export interface BulkProps {
  readonly ids: readonly string[];
  readonly domains: readonly Domain[];
  readonly ask: (content: (close: () => void) => ComponentChildren) => void;
  /** `left`: what could not be done, or was not begun. */
  readonly onDone: (left: ReadonlySet<string>) => void;
  readonly onClear: () => void;
}

/** What can be done with all chosen devices. */
export function Bulk({ ids, domains, ask, onDone, onClear }: BulkProps) {
  const actions: readonly (readonly [Action, boolean])[] = [
    ['addTag', may('devices.write')],
    ['removeTag', may('devices.write')],
    ['move', may('devices.create') && domains.length > 1],
    ['disconnect', may('devices.write')],
    ['delete', may('devices.create')],
  ];
  return (
    <section class="bulk" aria-label={t('bulk')}>
      <strong role="status">{t('bulk.selected', { n: ids.length })}</strong>
      {actions
        .filter(([, allowed]) => allowed)
        .map(([action]) => (
          <button
            key={action}
            type="button"
            class={action === 'delete' ? 'button small danger' : 'button small'}
            onClick={() =>
              ask((close) => (
                <Run action={action} ids={ids} domains={domains} onDone={onDone} onClose={close} />
              ))
            }
          >
            {t(`bulk.${action}`)}
          </button>
        ))}
      <button type="button" class="button small plain" onClick={onClear}>
        {t('bulk.clear')}
      </button>
    </section>
  );
}

function Run({
  action,
  ids,
  domains,
  onDone,
  onClose,
}: {
  readonly action: Action;
  readonly ids: readonly string[];
  readonly domains: readonly Domain[];
  readonly onDone: BulkProps['onDone'];
  readonly onClose: () => void;
}) {
  const progress = useSignal<Progress | null>(null);
  const stop = useMemo(() => new AbortController(), []);
  useEffect(() => () => stop.abort(), []);
  const submit = async (fields: FormData) => {
    const tag = textOf(fields, 'tag');
    const domain = textOf(fields, 'domain');
    const work: Readonly<Record<Action, (id: string) => Promise<void>>> = {
      addTag: (id) => addTag(id, tag),
      removeTag: (id) => removeTag(id, tag),
      move: (id) => moveTo(id, domain),
      disconnect,
      delete: removeDevice,
    };
    progress.value = { done: 0, of: ids.length, faults: new Map(), left: new Set(ids), paused: false };
    const result = await forEach(
      ids,
      work[action],
      (now) => {
        progress.value = now;
      },
      stop.signal,
    );
    if (result.faults.size > 0 || stop.signal.aborted) return;
    onClose();
    onDone(result.left);
  };
  const now = progress.value;
  const finished = now !== null && now.done === now.of;
  const close = () => {
    onClose();
    if (now && now.done > 0) onDone(new Set(now.left));
  };
  return (
    <Dialog title={t(`bulk.${action}.title`, { n: ids.length })} onClose={close}>
      {finished && now.faults.size > 0 ? (
        <>
          <p class="wrong" role="alert">
            {t('bulk.failed', { n: now.faults.size })}
          </p>
          <ul class="log">
            {[...now.faults].slice(0, 50).map(([id, fault]) => (
              <li key={id}>
                <code>{id}</code>
                <span>{explain(fault)}</span>
              </li>
            ))}
          </ul>
          <div class="buttons">
            <button type="button" class="button" onClick={close}>
              {t('close')}
            </button>
          </div>
        </>
      ) : (
        <Form submit={submit} action={t(`bulk.${action}`)} danger={action === 'delete'} cancel={close}>
          {() => (
            <>
              {(action === 'addTag' || action === 'removeTag') && <TagField name="tag" required autofocus />}
              {action === 'move' && (
                <Choice
                  name="domain"
                  label={t('column.domain')}
                  hint={t('device.move.hint')}
                  options={domains.map(domainOption)}
                />
              )}
              {(action === 'delete' || action === 'disconnect') && <p>{t(`bulk.${action}.hint`)}</p>}
              {now && (
                <>
                  <progress max={now.of} value={now.done} aria-label={t('bulk')} />
                  <p class="muted" role="status">
                    {t('bulk.progress', { done: now.done, of: now.of })}
                    {now.paused && ` ${t('bulk.paused')}`}
                  </p>
                </>
              )}
            </>
          )}
        </Form>
      )}
    </Dialog>
  );
}
