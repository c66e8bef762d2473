/** Markup that is safe to put into a page. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

type Part = string | number | Html | readonly Html[];

/** A template whose values are escaped, unless they are {@link Html} already. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  const render = (part: Part): string => {
    if (part instanceof Html) return part.markup;
    if (Array.isArray(part)) return part.map(render).join('');
    return escapeText(String(part));
  };
  return new Html(strings.reduce((text, string, i) => text + render(parts[i - 1] ?? '') + string));
}
