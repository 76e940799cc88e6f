import { auditMaxAgeSeconds, requestMaxAgeSeconds } from '../../identity/key-proof.ts'

// A gateway checks a request by its own clock when it arrives; `received` is the database's clock when it is appended. In
// between lie the queue before the log and the difference of two clocks. An entry is in time when there is a moment from
// `maxQueueSeconds` before `received` to `maxSkewSeconds` after it in which a gateway would have taken it.

/** The same that is allowed for keys. */
export const maxQueueSeconds = auditMaxAgeSeconds - requestMaxAgeSeconds
export const maxSkewSeconds = 60

/** The moments to try, the likeliest first. What an early moment objects to (too old) and a late one (too early) exclude each other. */
export function momentsOf(received: Date): readonly Date[] {
  return [received, later(received, -maxQueueSeconds), later(received, maxSkewSeconds)]
}

function later(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000)
}
