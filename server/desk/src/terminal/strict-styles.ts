/**
 * xterm.js makes style elements and style attributes, which a policy without `unsafe-inline` forbids. This page lets it make others
 * that do the same in ways that the policy allows: constructed style sheets and the CSSOM.
 */
export function allowStylesOf(page: Document): void {
  const create = page.createElement.bind(page);
  const made = (name: string, options?: ElementCreationOptions): HTMLElement => {
    if (name === 'style') return styleSheet(page, create('template'));
    const element = create(name, options);
    if (name === 'span') element.setAttribute = setAttribute;
    return element;
  };
  Object.defineProperty(page, 'createElement', { value: made, configurable: true });
}

/** An element whose text is that of a style sheet of the page, for as long as it is kept. */
function styleSheet(page: Document, element: HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet();
  page.adoptedStyleSheets = [...page.adoptedStyleSheets, sheet];
  const set = (text: string) => {
    sheet.replaceSync(text);
  };
  for (const name of ['textContent', 'innerHTML', 'innerText']) {
    Object.defineProperty(element, name, { set, get: () => '', configurable: true });
  }
  const remove = element.remove.bind(element);
  element.remove = () => {
    page.adoptedStyleSheets = page.adoptedStyleSheets.filter((one) => one !== sheet);
    remove();
  };
  return element;
}

function setAttribute(this: HTMLElement, name: string, value: string): void {
  if (name === 'style') this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}
