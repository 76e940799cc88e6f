import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lookAgain } from '../../src/audit/verify/second-look.ts'
import { operationMark, refusalMark, takenIdMark } from '../../src/audit/verify/trace.ts'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { loadRules } from '../../src/catalogue/compile.ts'
import { readCatalogueFiles } from '../../src/catalogue/load.ts'
import { shippedCatalogue } from '../support/catalogue-folder.ts'

let dir: string
let catalogue: Catalogue

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lianban-second-look-'))
  catalogue = loadRules(await readCatalogueFiles(shippedCatalogue)).catalogue
})
afterAll(() => rm(dir, { recursive: true }))

async function fileOf(lines: readonly unknown[]): Promise<string> {
  const file = join(dir, 'traces')
  await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return file
}

test('the same sender and id, the same refusal and the same operation are found, and an id that was taken by nobody, whatever characters they are made of', async () => {
  const name = fc.constantFrom('a', 'b', 'a,b', '"a"', 'a","b', '\n', '大连', '\\', '-1', ']')
  const mark = fc.constantFrom(0, 7, refusalMark, operationMark, takenIdMark)
  const day = fc.integer({ min: 0, max: 5 })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(day, mark, name, name), { maxLength: 12 }), async (traces) => {
      const lines = traces.map(([days, ...rest], index) => [index, days * 86_400_000, ...rest] as const)
      const repeats = lines.flatMap(([index, at, what, ...names], place) => {
        const same = lines.slice(0, place).filter(([, , other, ...others]) => {
          const isKind = what === refusalMark || what === operationMark ? other === what : other >= 0
          return isKind && JSON.stringify(others) === JSON.stringify(names)
        })
        const before = same.at(-1)
        if (what === takenIdMark) return before === undefined ? [{ index, code: 'refusal' }] : []
        if (before === undefined) return []
        if (what === refusalMark) return at - before[1] < 86_340_000 ? [{ index, code: 'refusal-repeated' }] : []
        return [{ index, code: what === operationMark ? 'operation-repeated' : 'duplicate-id' }]
      })
      const { findings } = await lookAgain({ look: 'twice', file: await fileOf(lines), doubts: [] })
      expect(findings.map(({ index, code }) => ({ index, code }))).toEqual(repeats)
    }),
  )
})

test('what a key signed since it was in other hands is counted, up to its revocation', async () => {
  const since = new Date(5000).toISOString()
  const doubts = [{ kid: 'k', party: 'commerce', registeredAt: 3, revokedAt: 12, since }]
  const at = (index: number, key: number) => [index, index * 1000, key, 'commerce', `e-${index}`]
  const file = await fileOf([at(4, 3), at(5, 3), at(6, 2), at(7, 3), at(13, 3)])
  expect(await lookAgain({ look: 'twice', file, doubts })).toMatchObject({
    findings: [],
    doubtful: [{ count: 2, indexes: [5, 7] }],
  })
})

test('more subjects than are kept as objects are followed all the same', async () => {
  const data = { effectiveDate: '2026-11-02', registrationState: 'active' }
  const subjects = Array.from({ length: 50_010 }, (_, n) => `subject-${n}`)
  const established = (subject: string, n: number) => [
    n,
    0,
    'registration.established.v1',
    subject,
    'commerce',
    '2026-11-02',
    data,
  ]
  const again = subjects.slice(-20).map((subject, n) => established(subject, subjects.length + n))
  const file = await fileOf([...subjects.map(established), ...again])
  const look = await lookAgain({ look: 'order', file, catalogues: [catalogue] })
  expect(look.more).toEqual({})
  expect(look.findings.map(({ index, code }) => [index, code])).toEqual(again.map(([index]) => [index, 'legal-order']))
})
