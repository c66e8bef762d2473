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
    <details class="menu" ref={element}>
      <summary class={small ? 'button small icon' : 'button'} {...(small ? { title: label } : {})}>
        <Icon name={icon} />
        {small ? <span class="hidden">{label}</span> : label}
      </summary>
      <div>{children}</div>
    </details>
  );
}
