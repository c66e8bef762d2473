/** The files that browsers get, as the bundler has made them out of `agent/page`. */
interface Assets {
  readonly html: string;
  readonly script: string;
  readonly style: string;
}

declare const RM_PAGE: Assets | undefined;

/** Where nothing was bundled, there are none. */
export const assets: Assets =
  typeof RM_PAGE === 'undefined' ? { html: 'not bundled', script: '', style: '' } : RM_PAGE;
