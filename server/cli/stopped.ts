/** A person ended the command (Ctrl-C) while it waited: nothing is said, exit code 130. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
}
