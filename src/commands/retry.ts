import { setTimeout as pause } from 'node:timers/promises'

/** About a minute in all: a gateway that restarts is back by then. */
export const maxTries = 8
const firstPauseMs = 250
const longestPauseMs = 15_000

/**
 * Milliseconds before the next try: doubled each time, and spread so that many clients don't come back together.
 *
 * @param tries made so far, at least 1
 * @param retryAfterSeconds what the server asked for; never less than this, and bounded
 */
export function pauseBeforeMs(tries: number, retryAfterSeconds = 0, random = Math.random): number {
  const growing = Math.min(longestPauseMs, firstPauseMs * 2 ** (tries - 1)) * (0.5 + random() / 2)
  return Math.max(growing, Math.min(retryAfterSeconds * 1000, longestPauseMs * 4))
}

/** Waits; returns early when aborted. */
export async function waitFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await pause(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
}
