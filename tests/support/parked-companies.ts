import { randomUUID } from 'node:crypto'
import { companies } from './companies.ts'
import type { Bureaus } from './e2e-bureaus.ts'
import { indexOf } from './e2e-bureaus.ts'
import type { Example } from './examples.ts'

/** Posts beside each other; enough for the log's batches to be full. */
const atOnce = 48

/** Posts examples; those of one subject, which must stand together, in their order. */
export async function postAll(bureaus: Bureaus, url: string, examples: readonly Example[]): Promise<void> {
  const bySubject = new Map<string, Example[]>()
  for (const example of examples) bySubject.set(example.subject, [...(bySubject.get(example.subject) ?? []), example])
  const waiting = [...bySubject.values()]
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
        for (const example of next) indexOf(await bureaus.post(url, example, randomUUID()))
    }),
  )
}

/** A later event of companies that were posted by `companies(count)`. */
export function laterChange(count: number, n: number): Example {
  const change = companies(1, n % count)[1]
  if (change === undefined) throw new Error('companies() makes two events of each')
  return change
}
