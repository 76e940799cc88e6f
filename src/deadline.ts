import { once } from 'node:events'

/**
 * Does work that ends by itself in time, or is aborted: after `ms`, with a `TimeoutError`, or by the outer signal, with its reason.
 *
 * Not `AbortSignal.any` with `AbortSignal.timeout`: Node 20 forgets such a timeout when it collects garbage, and the work waits for
 * ever.
 *
 * @param outer undefined: only the time ends it
 */
export async function withDeadline<T>(
  ms: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(new DOMException(`no answer within ${ms / 1000} s`, 'TimeoutError')), ms)
  const end = () => over.abort(outer?.reason)
  if (outer?.aborted) end()
  outer?.addEventListener('abort', end)
  try {
    return await work(over.signal)
  } finally {
    clearTimeout(timer)
    outer?.removeEventListener('abort', end)
  }
}

/** Rejects with the signal's reason once it is aborted. */
export async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort')
  throw signal.reason
}
