import { isJsonObject } from '../../src/domain/text.ts'
import type { Answered } from '../support/e2e-bureaus.ts'
import { bureausOf } from '../support/e2e-bureaus.ts'
import { type Load, startLoad } from '../support/e2e-load.ts'

/** An event that was acknowledged, as its sender has it. */
export interface Acknowledged {
  readonly compact: string
  readonly index: number
  readonly receipt: string
}

/** What bureaus' systems met while they posted. */
export interface Posts extends Load {
  /** how often each answer was given after which the same bytes were sent again, to another gateway where there was one */
  refused(): ReadonlyMap<string, number>
  /** the longest time in which nothing was acknowledged, until now or stop() */
  longestWithoutMs(): number
  acknowledged(): readonly Acknowledged[]
}

/** a gateway that is frozen is given up after this, and the other one asked */
const answerLimitMs = 10_000
/** longer than any fault, and than any two after each other */
const patienceMs = 300_000
const senders = 8
/** so that the load is about 60 events per second */
const pauseMs = 110

/** Bureaus that post as long as the exchange lives, each event until it is accepted, to whichever gateway answers. */
export async function startPosts(urls: readonly string[], keysFolder: string): Promise<Posts> {
  const refused = new Map<string, number>()
  const acknowledged: Acknowledged[] = []
  let lastAt = performance.now()
  let longestMs = 0
  const load = startLoad(await bureausOf(keysFolder, answerLimitMs), {
    urls: () => urls,
    subjects: 400,
    senders,
    pauseMs,
    retry: true,
    patienceMs,
    again(answer) {
      const why = whyAgain(answer)
      if (why === undefined) return false
      refused.set(why, (refused.get(why) ?? 0) + 1)
      return true
    },
    onAccepted(compact, answer) {
      longestMs = Math.max(longestMs, performance.now() - lastAt)
      lastAt = performance.now()
      acknowledged.push({ compact, ...placeOf(answer) })
    },
  })
  let endedAt: number | undefined
  return {
    ...load,
    stop() {
      endedAt ??= performance.now()
      return load.stop()
    },
    refused: () => refused,
    longestWithoutMs: () => Math.max(longestMs, (endedAt ?? performance.now()) - lastAt),
    acknowledged: () => acknowledged,
  }
}

function placeOf({ body: { index, receipt } }: Answered): { index: number; receipt: string } {
  if (typeof index !== 'number' || typeof receipt !== 'string') throw new Error('an acceptance without index or receipt')
  return { index, receipt }
}

/** Busy, or a gateway whose clock is wrong: the sender knows that its own is right. */
function whyAgain({ status, body }: Answered): string | undefined {
  if (status === 429 || status === 503) return String(status)
  if (status !== 422 || !Array.isArray(body.errors)) return undefined
  const codes = body.errors.map((one) => (isJsonObject(one) ? one.code : ''))
  const [code, ...others] = codes
  return others.length === 0 && (code === 'time-ahead' || code === 'time-too-old') ? `422 ${code}` : undefined
}
