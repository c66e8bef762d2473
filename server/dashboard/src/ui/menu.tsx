import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';

/** A button that opens a panel below it. Escape and a click beside it close it. */
export function Menu({
  label,
  icon,
  small = false,
  children,
}: {
  readonly label: string;
  readonly icon: IconName;
  /** In a row of a table: the icon says enough. */
  readonly small?: boolean;
  readonly children: ComponentChildren;
}) {
  const element = useRef<HTMLDetailsElement>(null);
  /** The panel begins at the left side of the button: it would not fit otherwise. */
  const isRightwards = useSignal(false);
  const place = ({ currentTarget: details }: { readonly currentTarget: HTMLDetailsElement }) => {
    const width = details.querySelector(':scope > div')?.clientWidth ?? 0;
    const start = details.closest('main')?.getBoundingClientRect().left ?? 0;
    isRightwards.value = details.getBoundingClientRect().right - width < start;
  };
  useEffect(() => {
    const close = (event: Event) => {
      const details = element.current;
      if (!details?.open) return;
      if (event instanceof KeyboardEvent) {
        if (event.key !== 'Escape') return;
        details.querySelector('summary')?.focus();
      } else if (event.target instanceof Node && details.contains(event.target)) return;
      details.open = false;
    };
    addEventListener('click', close);
    addEventListener('keydown', close);
    return () => {
      removeEventListener('click', close);
      removeEventListener('keydown', close);
    };
  }, []);
  return (
    <details class="menu" ref={element} onToggle={place}>
      <summary class={small ? 'button small icon' : 'button'} {...(small ? { title: label } : {})}>
        <Icon name={icon} />
        {small ? <span class="hidden">{label}</span> : label}
      </summary>
      <div {...(isRightwards.value ? { class: 'rightwards' } : {})}>{children}</div>
    </details>
  );
}
