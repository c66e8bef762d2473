/** Calls `look` each time that the link may have changed. The returned function ends it. */
export type PageReturns = (look: () => void) => () => void;

/** In a browser: the network is another one, or the page is looked at again, maybe after the machine has slept. */
export const pageReturns: PageReturns = (look) => {
  const seen = () => {
    if (document.visibilityState === 'visible') look();
  };
  addEventListener('online', look);
  document.addEventListener('visibilitychange', seen);
  return () => {
    removeEventListener('online', look);
    document.removeEventListener('visibilitychange', seen);
  };
};
