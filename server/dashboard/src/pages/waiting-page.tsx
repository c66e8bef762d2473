import { useEffect } from 'preact/hooks';
import { all, post, remove, segment } from '../api/call.ts';
import type { Domain, Enrolment } from '../api/types.ts';
import { onHappenings } from '../state/live.ts';
import { useResource } from '../state/resource.ts';
import { devicePath } from '../state/router.ts';
import { may } from '../state/session.ts';
import { t } from '../texts/language.ts';
import { Blank, Fault, Loading } from '../ui/blank.tsx';
import { Copy } from '../ui/copy.tsx';
import { Confirm, Dialog, Form, useDialog } from '../ui/dialog.tsx';
import { Choice, textOf } from '../ui/field.tsx';
import { More, usePages } from '../ui/list.tsx';
import { Ago } from '../ui/time.tsx';
import { done } from '../ui/toast.tsx';

/** Devices that wait until somebody accepts them. */
export function WaitingPage() {
  const { items, fault, reload, more } = usePages<Enrolment>('/enrolments');
  const domains = useResource(
    () => (may('domains.read') ? all<Domain>('/domains') : Promise.resolve([])),
    [],
  );
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
      {!items ? (
        fault === null ? (
          <Loading />
        ) : (
          <Fault fault={fault} retry={reload} />
        )
      ) : items.length === 0 ? (
        <Blank icon="waiting" title={t('waiting.none')}>
          <p class="muted">{t('waiting.none.hint')}</p>
          <Copy label={t('devices.first.copy')} text={`rm-agent enroll ${location.origin}`} />
        </Blank>
      ) : (
        <div class="card">
          <table class="cards">
            <thead>
              <tr>
                <th>{t('waiting.code')}</th>
                <th>{t('column.device')}</th>
                <th>{t('column.domain')}</th>
                <th>{t('waiting.why')}</th>
                <th>{t('column.address')}</th>
                <th>{t('column.since')}</th>
                <th>
                  <span class="hidden">{t('column.actions')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((one) => (
                <tr key={one.code}>
                  <td class="mono" data-label={t('waiting.code')}>
                    {one.code}
                  </td>
                  <td data-label={t('column.device')}>
                    {one.reason === 'clone' || one.reason === 'taken' ? (
                      <a href={devicePath(one.id)}>{one.id}</a>
                    ) : (
                      one.id
                    )}
                  </td>
                  <td data-label={t('column.domain')}>{one.domain}</td>
                  <td data-label={t('waiting.why')}>{t(`waiting.${one.reason}`)}</td>
                  <td class="mono" data-label={t('column.address')}>
                    {one.address}
                  </td>
                  <td data-label={t('column.since')}>
                    <Ago time={one.created} />
                  </td>
                  <td class="actions">
                    <button
                      type="button"
                      class="button small"
                      onClick={() =>
                        ask((close) => (
                          <Accept one={one} domains={domains.value ?? []} onDone={reload} onClose={close} />
                        ))
                      }
                    >
                      {t('waiting.accept')}
                    </button>
                    <button
                      type="button"
                      class="button small danger"
                      onClick={() =>
                        ask((close) => (
                          <Confirm
                            title={t('waiting.refuse.title', { device: one.id })}
                            text={t('waiting.refuse.hint')}
                            action={t('waiting.refuse')}
                            run={async () => {
                              await remove(`/enrolments/${segment(one.code)}`);
                              reload();
                            }}
                            onClose={close}
                          />
                        ))
                      }
                    >
                      {t('waiting.refuse')}
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          <More more={more} />
        </div>
      )}
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
                  ...domains
                    .filter(({ id }) => id !== one.domain)
                    .map(({ id, name }) => [id, name ? `${name} (${id})` : id] as const),
                ]}
              />
            )}
          </>
        )}
      </Form>
    </Dialog>
  );
}
