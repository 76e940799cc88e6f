import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Judge } from '../../src/audit/verify/judge.ts'
import { readCatalogueFiles } from '../../src/catalogue/load.ts'
import { encodeBundle } from '../../src/log/tile.ts'
import { shippedCatalogue } from '../support/catalogue-folder.ts'
import { type MadeLog, makeLog } from '../support/made-log.ts'

let made: MadeLog
beforeAll(async () => {
  made = await makeLog({ events: 250, keepEntries: true })
})
afterAll(() => rm(made.dir, { recursive: true }))

async function judgeWithRules(): Promise<Judge> {
  const judge = new Judge(made.origin, { partitions: 2, seed: 1 })
  await judge.apply({ kind: 'catalogue', index: 0, files: [...(await readCatalogueFiles(shippedCatalogue))] })
  for (const [index, entry] of made.entries.slice(0, 6).entries())
    if (entry.startsWith('{"kind":"key"')) await judge.apply({ kind: 'key', index, entry })
  return judge
}

const job = (n: number, entries: readonly string[]) => ({
  n,
  width: entries.length,
  bundle: encodeBundle(entries),
  tile: undefined,
  names: undefined,
  changes: [],
  withRules: true,
})

/** What can be done to an event's entry so that more than one thing is wrong with it. */
const spoiling: readonly ((entry: string) => string)[] = [
  (entry) => entry,
  (entry) => withPayload(entry, (payload) => payload.replace('"effectiveDate"', '"effectiveDay"')),
  (entry) => withPayload(entry, (payload) => payload.replace('"specversion"', '"specversion":"1.0","specversion"')),
  (entry) => withPayload(entry, (payload) => payload.replace(/"source":"[^"]*"/, '"source":"/bureaus/nobody"')),
  (entry) => entry.replace('"jws":"', '"jws":"e30.'),
  (entry) => entry.replace(/"jws":"[^.]*/, `"jws":"${base64url('{"alg":"ES256","typ":"event+jws","kid":"nobody"}')}`),
  (entry) => entry.replace('"received":"2026', '"received":"2016'),
  (entry) => entry.replace('"jws"', '"JWS"'),
]

function withPayload(entry: string, change: (payload: string) => string): string {
  return entry.replace(/(?<="jws":"[^.]*\.)[^.]*/, (payload) => base64url(change(Buffer.from(payload, 'base64url').toString())))
}

const base64url = (text: string) => Buffer.from(text).toString('base64url')

test('a bundle comes to what its entries come to one by one, each with what is wrong first', async () => {
  const events = made.entries.slice(6, 126)
  const spoilt = events.map((entry, i) => (entry.startsWith('{"kind":"event"') ? (spoiling[i % 9]?.(entry) ?? entry) : entry))
  const { findings, types } = await (await judgeWithRules()).judge(job(1, spoilt))
  const alone = await judgeWithRules()
  const verdicts = await Promise.all(spoilt.map((entry, i) => alone.judge(job(i, [entry]))))
  const expected = verdicts.flatMap((verdict, i) => verdict.findings.map(({ code, cause }) => ({ code, cause, index: 256 + i })))
  const ofWhole = ({ code }: { code: string }) => code !== 'received-order'
  const byIndex = findings.filter(ofWhole).toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0))
  expect(byIndex).toEqual(expected)
  expect(new Set(expected.map(({ code }) => code))).toEqual(
    new Set(['signature', 'jws', 'key-unknown', 'invalid-event', 'entry']),
  )
  expect(new Map(types)).toEqual(countsOf(verdicts.flatMap((verdict) => verdict.types)))
})

function countsOf(types: readonly (readonly [string, number])[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const [type, count] of types) counts.set(type, (counts.get(type) ?? 0) + count)
  return counts
}
