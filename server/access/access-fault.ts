/** Something is wrong with a file that the box trusts, or that it cannot be made: a sentence with the next step. */
export class AccessFault extends Error {
  override readonly name = 'AccessFault'
}
