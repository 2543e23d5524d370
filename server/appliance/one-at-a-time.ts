/** Does pieces of work one after another, in the order in which they came; one that fails holds up none. */
export function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let before: Promise<unknown> = Promise.resolve()
  return async (work) => {
    const mine = before.then(work)
    before = mine.catch(() => {})
    return await mine
  }
}
