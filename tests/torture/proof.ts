import { readFile } from 'node:fs/promises'
import { expect } from 'vitest'
import { verifyReceipt } from '../../src/log/receipt.ts'
import type { Views } from '../support/e2e-views.ts'
import { lianban } from '../support/lianban.ts'
import type { TorturedExchange } from './exchange.ts'
import type { Acknowledged, Posts } from './posts.ts'

const foldLimitMs = 180_000

/** Everything that must hold after all; each is tried, whatever became of those before. */
export function proofs(exchange: TorturedExchange, posts: Posts, views: Views): Readonly<Record<string, () => Promise<void>>> {
  return {
    'every acknowledged event is in the log once, at its index': () => posts.expectInLog(views, ['invalid-event']),
    'every receipt proves its entry': () => expectReceipts(posts.acknowledged(), exchange, views),
    'every view is the fold of the log': () => views.expectFold(foldLimitMs),
    'each event was applied once, in the order of its subject': () => views.expectEachOnceInOrder(),
    'nothing is parked': async () => {
      for (const { parked } of Object.values(await views.stored())) expect(parked).toEqual([])
    },
    'the log verifies': () => expectVerified(exchange),
  }
}

async function expectReceipts(
  acknowledged: readonly Acknowledged[],
  { vkeyFile }: TorturedExchange,
  { sql }: Views,
): Promise<void> {
  const vkey = (await readFile(vkeyFile, 'utf8')).trim()
  const byIndex = new Map(acknowledged.map((one) => [one.index, one]))
  for await (const { index, entry } of eventEntries(sql)) {
    const { compact, receipt } = byIndex.get(index) ?? { compact: '', receipt: '' }
    const { jws }: { jws: string } = JSON.parse(entry)
    expect(jws).toBe(compact)
    verifyReceipt(receipt, entry, vkey)
  }
}

/** A statement for each page: one cursor over all would have its time run out while receipts are verified. */
async function* eventEntries(sql: Views['sql']): AsyncGenerator<{ index: number; entry: string }> {
  for (let after = -1; ; ) {
    const page = await sql<{ index: number; entry: string }[]>`
      select index, entry from log.entries where kind = 'event' and index > ${after} order by index limit 500`
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    after = last.index
  }
}

async function expectVerified({ urls, keysFolder, vkeyFile }: TorturedExchange): Promise<void> {
  const { code, stdout, stderr } = await lianban([
    'audit',
    'verify',
    urls[0] ?? '',
    '--key',
    `${keysFolder}/auditor.jwk`,
    '--vkey',
    vkeyFile,
  ])
  if (code !== 0) throw new Error(`lianban audit verify ended with ${code}: ${stdout}${stderr}`)
}
