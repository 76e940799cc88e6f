import { RefusedRequest } from '../domain/refusal.ts'
import type { RulesInForce } from '../log/rules-in-force.ts'
import type { Parts } from './parts.ts'

/** An unknown key is worth a look at the log this often at most: anybody can name one. */
const pauseMs = 1000

/**
 * What a signature fits depends on the keys in force. A key that another gateway registered a moment ago may not be known here
 * yet: when nobody's signature fits, the rules are read once more.
 */
export async function underFreshRules<T>(parts: Parts, attempt: (inForce: RulesInForce) => Promise<T>): Promise<T> {
  const before = parts.keeper.inForce
  try {
    return await attempt(before)
  } catch (error) {
    if (!(error instanceof RefusedRequest) || !isNobodys(error)) throw error
    await parts.refreshRules()
    const later = parts.keeper.inForce
    if (later === before) throw error
    return attempt(later)
  }
}

function isNobodys({ refusal: { code } }: RefusedRequest): boolean {
  return code === 'signature-invalid' || code === 'token-invalid'
}

/** Reads the rules at most once in a while; whoever asks while they are being read waits for the same reading. */
export function sharedRefresh(refresh: () => Promise<unknown>, nowMs: () => number = Date.now): () => Promise<void> {
  let last: { readonly atMs: number; readonly done: Promise<unknown> } | undefined
  return async () => {
    if (last === undefined || nowMs() - last.atMs >= pauseMs) last = { atMs: nowMs(), done: refresh() }
    await last.done
  }
}
