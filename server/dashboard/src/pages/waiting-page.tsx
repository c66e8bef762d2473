import { useEffect } from 'preact/hooks';
import { post, segment } from '../api/call.ts';
import type { Domain, Enrolment } from '../api/types.ts';
import { domainOption, useDomains } from '../state/domains.ts';
import { onHappenings } from '../state/live.ts';
import { devicePath } from '../state/router.ts';
import { t } from '../texts/language.ts';
import { Copy } from '../ui/copy.tsx';
import { Dialog, Form, useDialog } from '../ui/dialog.tsx';
import { Choice, textOf } from '../ui/field.tsx';
import { usePages } from '../ui/list.tsx';
import { RemoveButton } from '../ui/remove-button.tsx';
import { Table } from '../ui/table.tsx';
import { Ago } from '../ui/time.tsx';
import { done } from '../ui/toast.tsx';

/** Devices that wait until somebody accepts them. */
export function WaitingPage() {
  const pages = usePages<Enrolment>('/enrolments');
  const { reload } = pages;
  const domains = useDomains() ?? [];
  const { dialog, ask } = useDialog();
  useEffect(
    () =>
      onHappenings((happenings) => {
        if (happenings.some(({ kind }) => kind === 'device.waiting' || kind === 'device.claimed')) reload();
      }),
    [],
  );
  return (
    <>
      <div class="head">
        <h1>{t('waiting.title')}</h1>
      </div>
      <Table
        pages={pages}
        keyOf={({ code }) => code}
        empty={{
          icon: 'waiting',
          title: t('waiting.none'),
          hint: (
            <>
              <p class="muted">{t('waiting.none.hint')}</p>
              <Copy label={t('devices.first.copy')} text={`rm-agent enroll ${location.origin}`} />
            </>
          ),
        }}
        columns={[
          { title: t('waiting.code'), cell: ({ code }) => <span class="mono">{code}</span> },
          {
            title: t('column.device'),
            cell: ({ id, reason }) =>
              reason === 'clone' || reason === 'taken' ? <a href={devicePath(id)}>{id}</a> : id,
          },
          { title: t('column.domain'), cell: ({ domain }) => domain },
          { title: t('waiting.why'), cell: ({ reason }) => t(`waiting.${reason}`) },
          { title: t('column.address'), cell: ({ address }) => <span class="mono">{address}</span> },
          { title: t('column.since'), cell: ({ created }) => <Ago time={created} /> },
        ]}
        actions={(one) => (
          <>
            <button
              type="button"
              class="button small"
              onClick={() =>
                ask((close) => <Accept one={one} domains={domains} onDone={reload} onClose={close} />)
              }
            >
              {t('waiting.accept')}
            </button>
            <RemoveButton
              path={`/enrolments/${segment(one.code)}`}
              action={t('waiting.refuse')}
              title={t('waiting.refuse.title', { device: one.id })}
              hint={t('waiting.refuse.hint')}
              ask={ask}
              onDone={reload}
            />
          </>
        )}
      />
      {dialog}
    </>
  );
}

function Accept({
  one,
  domains,
  onDone,
  onClose,
}: {
  readonly one: Enrolment;
  readonly domains: readonly Domain[];
  readonly onDone: () => void;
  readonly onClose: () => void;
}) {
  const submit = async (fields: FormData) => {
    const domain = textOf(fields, 'domain');
    await post(`/enrolments/${segment(one.code)}/accept`, domain ? { domain } : {});
    done(t('waiting.accepted', { device: one.id }));
    onClose();
    onDone();
  };
  return (
    <Dialog title={t('waiting.accept.title', { device: one.id })} onClose={onClose}>
      <Form submit={submit} action={t('waiting.accept')} cancel={onClose}>
        {() => (
          <>
            <p>{t('waiting.accept.hint', { code: one.code, address: one.address })}</p>
            {domains.length > 0 && (
              <Choice
                name="domain"
                label={t('column.domain')}
                value={one.domain ?? ''}
                options={[
                  ...(one.domain === null ? [] : ([[one.domain, one.domain]] as const)),
                  ...domains.filter(({ id }) => id !== one.domain).map(domainOption),
                ]}
              />
            )}
          </>
        )}
      </Form>
    </Dialog>
  );
}
