import { createRequire } from 'node:module'

/** What is used here of kafkajs's queue of requests to one broker. */
interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

/**
 * Takes a timer out of kafkajs 2.2.4 that looks every millisecond, on each connection and for as long as it lasts, whether a request
 * waits to be sent: what `npm run bench -- idle` measures. Node 24 warns of the negative delay behind it (kafkajs issue 1751). A request that has to wait sets a timer itself, so nothing is missed while none waits.
 */
export function withoutIdleTimer(): void {
  const { prototype }: { prototype: RequestQueue } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue')
  const { scheduleCheckPendingRequests: schedule } = prototype
  prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) schedule.call(this)
  }
}
