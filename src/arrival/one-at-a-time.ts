/**
 * Whoever asks while the same is being asked gets that answer: anybody may ask, and questions must not gather in front of a
 * database that hangs.
 */
export function oneAtATime<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}
