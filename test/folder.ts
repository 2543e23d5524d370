import type { Test } from 'tap'

/**
 * A folder for one test, with what is given in it; deleted when the test has ended and everything it tears down is gone,
 * for that may write until then. (`t.testdir` by itself is deleted before the teardowns that a test asks for after it,
 * and when a file is written meanwhile, that fails and the teardowns are left out.)
 */
export function testFolder(t: Test, content: Parameters<Test['testdir']>[0] = {}): string {
  // What tap puts around a test goes from the inside to the outside: teardowns first, when one was asked for first.
  t.teardown(() => {})
  return t.testdir(content)
}
