import { SingleBar } from 'cli-progress'

export interface Progress {
  update(value: number): void
  stop(): void
}

/** A bar on a terminal, and nothing anywhere else. */
export function progressBar(total: number): Progress {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined }
  const bar = new SingleBar({ stream: process.stderr, clearOnComplete: true, format: '{bar} {percentage}%  {eta_formatted}' })
  bar.start(total, 0)
  let furthest = 0
  return {
    // what is read first may be answered last
    update: (value) => {
      furthest = Math.max(furthest, value)
      bar.update(furthest)
    },
    stop: () => bar.stop(),
  }
}
