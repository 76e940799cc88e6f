/** npm and npx pass on a Ctrl-C that has arrived already: what comes this soon is the same one. */
const sameInterruptMs = 1000

/**
 * Calls back at the first Ctrl-C or SIGTERM; a later one ends the program at once.
 *
 * @returns stops listening
 */
export function onInterrupt(stop: () => void): () => void {
  let first: number | undefined
  const listener = () => {
    if (first !== undefined && performance.now() - first > sameInterruptMs) process.exit(2)
    if (first === undefined) stop()
    first ??= performance.now()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, listener)
  return () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, listener)
  }
}
