/** How long this thread worked at something, in milliseconds: what others do meanwhile on a busy machine is no part of it. */
export function workMs(work: () => void): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000
}
