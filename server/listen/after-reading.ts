/**
 * Acts when a time has passed, in milliseconds, and what had come by then has been read; gives what cancels it. A process that
 * was held up would otherwise take its own silence for that of those whom it has asked.
 */
export function afterReading(delayMs: number, act: () => void): () => void {
  let turn: NodeJS.Immediate | undefined
  // Sockets are read after timers and before immediates.
  const timer = setTimeout(() => (turn = setImmediate(act)), delayMs)
  return () => {
    clearTimeout(timer)
    clearImmediate(turn)
  }
}
