import { SingleBar } from 'cli-progress'

export interface RateBar {
  /** @param from where this run began */
  update(done: number, size: number, from: number): void
  stop(): void
}

/** Things done a second and the time left, on a terminal; nothing anywhere else. */
export function rateBar(things = 'entries'): RateBar {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined }
  const format = `{bar} {percentage}% | {value} of {total} ${things} | {rate}/s | {left} left`
  const bar = new SingleBar({ stream: process.stderr, clearOnComplete: true, hideCursor: true, format })
  const began = performance.now()
  let started = false
  return {
    update(done, size, from) {
      const seconds = (performance.now() - began) / 1000
      const rate = (done - from) / Math.max(seconds, 0.001)
      const payload = { rate: Math.round(rate), left: rate > 0 ? timeText((size - done) / rate) : '?' }
      if (started) bar.update(done, payload)
      else bar.start(size, done, payload)
      started = true
    },
    stop: () => bar.stop(),
  }
}

function timeText(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
