/** How a request says who asks. */
export interface Authorization {
  /** Value of `Authorization`: `Basic` or `Bearer`. */
  readonly header: string;
  /** What a 401 means then, for the person. */
  readonly refused: string;
}
