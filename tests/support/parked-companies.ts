import { randomUUID } from 'node:crypto'
import { loadLogKey } from '../../src/log/log-key.ts'
import { companies } from './companies.ts'
import { type Bureaus, indexOf, origin } from './e2e-bureaus.ts'
import type { Example } from './examples.ts'
import { openLogGateway } from './log-fixture.ts'

/** Posts beside each other; enough for the log's batches to be full. */
const postsAtOnce = 48
/** As many as share a commit. */
const appendsAtOnce = 512

/** Posts examples; those of one subject, which must stand together, in their order. */
export async function postAll(bureaus: Bureaus, url: string, examples: readonly Example[]): Promise<void> {
  await inTurn(examples, postsAtOnce, async (example) => void indexOf(await bureaus.post(url, example)))
}

/**
 * Like postAll(), in a fifth of its time: the part of a gateway that checks and appends runs in this process, beside the exchange's own
 * gateways, so that many events need no HTTP.
 *
 * @param log of an exchange that has begun
 */
export async function appendAll(
  bureaus: Bureaus,
  log: { readonly databaseUrl: string; readonly logKeyFile: string },
  examples: readonly Example[],
): Promise<void> {
  const { group, database, take } = await openLogGateway(log.databaseUrl, await loadLogKey(log.logKeyFile, origin))
  try {
    await inTurn(examples, appendsAtOnce, async (example) => {
      const { outcome } = await take(await bureaus.sign(example, randomUUID()))
      if (outcome !== 'appended') throw new Error(`an event about ${example.subject} was ${outcome}`)
    })
  } finally {
    await group.close()
    await database.close()
  }
}

async function inTurn(examples: readonly Example[], atOnce: number, send: (example: Example) => Promise<void>): Promise<void> {
  const bySubject = new Map<string, Example[]>()
  for (const example of examples) {
    const of = bySubject.get(example.subject) ?? []
    of.push(example)
    bySubject.set(example.subject, of)
  }
  const waiting = [...bySubject.values()]
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) for (const example of next) await send(example)
    }),
  )
}

/** A later event of companies that were posted by `companies(count)`. */
export function laterChange(count: number, n: number): Example {
  const change = companies(1, n % count)[1]
  if (change === undefined) throw new Error('companies() makes two events of each')
  return change
}
