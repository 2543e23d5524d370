/** Words on the command line that make no call: told with a hint, exit code 2. */
export class WronglyCalled extends Error {
  override readonly name = 'WronglyCalled'
}
