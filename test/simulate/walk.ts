import type { Course, Deed, Found } from '../../server/simulate/course.ts'

/** Goes a course to its end, `answer` being the world; gives its result and every deed. */
export function walk<Result>(
  course: Course<Result>,
  answer: (deed: Deed) => Found,
): { readonly result: Result; readonly deeds: readonly Deed[] } {
  const deeds: Deed[] = []
  let step = course.next({ kind: 'done' })
  while (step.done !== true) {
    deeds.push(step.value)
    if (deeds.length > 10_000) throw new Error('the course does not end')
    step = course.next(answer(step.value))
  }
  return { result: step.value, deeds }
}
