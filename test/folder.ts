import type { Test } from 'tap'

/** The name that tap has for the folder of a test, and how many were made. */
const made = new WeakMap<Test, { readonly name: string; readonly count: number }>()

/**
 * A folder for one test, with what is given in it; deleted when the test has ended and everything it tears down is gone,
 * for that may write until then. (`t.testdir` by itself is deleted before the teardowns that a test asks for after it,
 * and when a file is written meanwhile, that fails and the teardowns are left out.) A test that asks again is given another,
 * where `t.testdir` would delete the first.
 */
export function testFolder(t: Test, content: Parameters<Test['testdir']>[0] = {}): string {
  const { name, count } = made.get(t) ?? { name: t.testdirName, count: 0 }
  made.set(t, { name, count: count + 1 })
  if (count > 0) t.testdirName = `${name}-${count + 1}`
  // What tap puts around a test goes from the inside to the outside: teardowns first, when one was asked for first.
  t.teardown(() => {})
  return t.testdir(content)
}
