// The commit in an executable. It is written over a place holder, so that a new commit alone compiles nothing again, and
// changes nothing else in the bytes.
import { BuildError } from '../subprocess.mjs';

/** In the place of the commit, and as long as the longest: 12 digits and `-dirty`. */
export const placeHolder = '@@@@commit@@@@@@@@';

/**
 * @param {Buffer} executable is changed
 * @param {string} commit at most 18 bytes
 * @throws {BuildError} when there is no place for it
 */
export function stamp(executable, commit) {
  const text = Buffer.from(commit);
  const at = executable.indexOf(placeHolder);
  if (text.length > placeHolder.length) throw new BuildError(`${commit} is too long for a commit`);
  if (at < 0 || executable.indexOf(placeHolder, at + 1) >= 0) {
    throw new BuildError('the executable has not one place for the commit');
  }
  // A string of C ends at the first zero.
  executable.fill(0, at, at + placeHolder.length);
  text.copy(executable, at);
}
