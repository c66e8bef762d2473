/**
 * Puts the colours of a brand in the place of those of the installation. `address`: of the style sheet; `null`: the usual colours.
 * Resolves when they are there, or cannot be read.
 */
export async function useColors(address: string | null): Promise<void> {
  const former = document.querySelector('link[data-brand]');
  if (former?.getAttribute('href') === address) return;
  if (address !== null) {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = address;
    const settled = new Promise((resolve) => {
      link.onload = resolve;
      link.onerror = resolve;
    });
    document.head.append(link);
    await settled;
  }
  former?.remove();
}

/** A colour of the page by its token, such as `text`, as it is shown now: `rgb(…)`. */
export function shownColor(token: string): string {
  const probe = document.createElement('div');
  probe.style.color = `var(--color-${token})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
