import { afterAll, beforeAll, expect, it } from 'vitest'
import { compileRules } from '../../src/catalogue/compile.ts'
import { catalogueDigests, readCatalogueFiles } from '../../src/catalogue/load.ts'
import { registerKey, revokeKey } from '../../src/identity/key-request.ts'
import { generateKey, importSigningKey, type SigningKey } from '../../src/identity/private-key.ts'
import { signEvent } from '../../src/identity/sign.ts'
import type { RulesToAppend } from '../../src/log/appendable.ts'
import { catalogueEntryText } from '../../src/log/entry.ts'
import { keyToAppend } from '../../src/log/key-append.ts'
import { auditLog } from '../support/audited-log.ts'
import { catalogueFolder } from '../support/catalogue-folder.ts'
import {
  accepted,
  eventAbout,
  type LogFixture,
  type LogGateway,
  openLogFixture,
  origin,
  refused,
} from '../support/log-fixture.ts'

let log: LogFixture
beforeAll(async () => {
  log = await openLogFixture()
})
afterAll(() => log.stop())

const now = () => new Date()
const cancelled = (n: number) =>
  eventAbout(n, 'registration.cancelled.v1', 'commerce', { effectiveDate: '2017-12-20', approvalDate: '2017-12-20' })
const registered = (n: number, source = 'state-tax', effectiveDate = '2016-03-20') =>
  eventAbout(n, 'tax.registered.v1', source, { effectiveDate })
const deregistered = (n: number, source: string) =>
  eventAbout(n, 'tax.deregistered.v1', source, { effectiveDate: '2017-12-01', previousTaxpayerStatus: 'normal' })

const before: Readonly<Record<string, (n: number) => readonly ReturnType<typeof registered>[]>> = {
  'no tax register yet': () => [],
  'both tax registers cleared and closed': (n) => [
    registered(n),
    registered(n, 'local-tax'),
    deregistered(n, 'state-tax'),
    deregistered(n, 'local-tax'),
  ],
}

it.each(Object.entries(before))(
  'a cancellation races a new tax registration over two gateways, %s: exactly one is accepted',
  async (name, history) => {
    const winners: string[] = []
    for (let round = 0; round < 30; round++) {
      const n = (name.length + 1) * 1000 + round
      accepted(await log.one.take(await log.sign(eventAbout(n, 'registration.established.v1', 'commerce'))))
      for (const event of history(n)) accepted(await log.one.take(await log.sign(event)))
      const [cancel, register] = await Promise.all([log.sign(cancelled(n)), log.sign(registered(n, 'state-tax', '2017-12-10'))])
      const gateways = round % 2 === 0 ? ([log.one, log.two] as const) : ([log.two, log.one] as const)
      const [x, tr] = await Promise.all([gateways[0].take(cancel), gateways[1].take(register)])
      winners.push(x.outcome === 'appended' ? 'cancellation' : 'registration')
      if (x.outcome === 'appended') expect(refused(tr).refusal.code).toBe('not-active')
      else {
        expect(refused(x).refusal.code).toBe('tax-clearance-missing')
        accepted(tr)
      }
    }
    // a race that one side always wins is none
    expect(new Set(winners).size).toBe(2)
    await auditLog(log.one.database.raw, log.logKey.vkey)
  },
)

async function newKey(gateway: LogGateway): Promise<SigningKey> {
  const key = await importSigningKey(await generateKey('ES256'))
  const entry = await registerKey(key, log.key('commerce'), { party: 'commerce', log: origin })
  accepted(await gateway.group.append(keyToAppend(entry, origin, now)))
  return key
}

async function revocation(key: SigningKey): Promise<RulesToAppend> {
  const entry = await revokeKey(log.key('commerce'), { party: 'commerce', kid: key.kid, reason: 'test', log: origin })
  return keyToAppend(entry, origin, now)
}

it('no event stands behind the revocation of its key, however many are being checked meanwhile', async () => {
  let before = 0
  let after = 0
  for (let round = 0; round < 12; round++) {
    const key = await newKey(log.one)
    await log.two.keeper.refresh(log.two.database.raw)
    const compacts = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        signEvent(key, eventAbout(100_000 + round * 100 + i, 'registration.imported.v1', 'commerce')),
      ),
    )
    // checked while the key was good, appended in drops around the revocation
    const checked = await Promise.all(compacts.map((compact, i) => (i % 2 === 0 ? log.one : log.two).check(compact)))
    const revoke = await revocation(key)
    const answers = checked.slice(0, 10).map((item, i) => (i % 2 === 0 ? log.one : log.two).group.append(item))
    if (round % 3 > 0) await Promise.race(answers)
    const revoked = log.two.group.append(revoke)
    for (const [i, item] of checked.slice(10).entries()) {
      if (i % 8 === 0) await new Promise((resolve) => setImmediate(resolve))
      answers.push((i % 2 === 0 ? log.one : log.two).group.append(item))
    }
    const { index } = accepted(await revoked)
    for (const answer of await Promise.all(answers)) {
      if (answer.outcome === 'appended') {
        expect(answer.index).toBeLessThan(index)
        before += 1
        continue
      }
      after += 1
      expect(refused(answer)).toMatchObject({ index: undefined, refusal: { code: 'signature-invalid' } })
    }
    await expect(log.two.check(compacts[0] ?? '')).rejects.toThrow('signature-invalid')
  }
  expect(before).toBeGreaterThan(0)
  expect(after).toBeGreaterThan(0)
  await auditLog(log.one.database.raw, log.logKey.vkey)
})

it('an event checked before its key was revoked by another gateway, and appended after, is nobody’s and not logged', async () => {
  const key = await newKey(log.one)
  const item = await log.one.check(await signEvent(key, eventAbout(200_000, 'registration.imported.v1', 'commerce')))
  await log.two.keeper.refresh(log.two.database.raw)
  accepted(await log.two.group.append(await revocation(key)))
  const size = await log.one.reader.size()
  expect(await log.one.group.append(item)).toMatchObject({
    outcome: 'refused',
    refusal: { code: 'signature-invalid' },
    index: undefined,
  })
  expect(await log.one.reader.size()).toBe(size)
})

it('an event queued behind the revocation of its key in one gateway is judged by it, one before it is not', async () => {
  const key = await newKey(log.one)
  const items = await Promise.all(
    [0, 1].map(async (i) => log.one.check(await signEvent(key, eventAbout(200_010 + i, 'registration.imported.v1', 'commerce')))),
  )
  const [first, second] = items
  if (first === undefined || second === undefined) throw new Error('two items')
  const revoke = await revocation(key)
  const answers = await Promise.all([first, revoke, second].map((item) => log.one.group.append(item)))
  expect(answers.map(({ outcome }) => outcome)).toEqual(['appended', 'appended', 'refused'])
})

it('two rotations at once know all keys in the end, whoever reads them meanwhile', async () => {
  const readers = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? log.one : log.two))
  for (let round = 0; round < 5; round++) {
    const made = await Promise.all([
      newKey(log.one),
      newKey(log.two),
      ...readers.map(({ keeper, database }) => keeper.refresh(database.raw)),
    ])
    const [one, two] = made
    for (const { keeper, database } of readers) {
      const { keys } = await keeper.refresh(database.raw)
      for (const key of [one, two]) expect(keys.find(key && 'kid' in key ? key.kid : '')?.party).toBe('commerce')
    }
  }
})

async function catalogueChange(change: Parameters<typeof catalogueFolder>[0]): Promise<RulesToAppend> {
  const rules = compileRules(await readCatalogueFiles(await catalogueFolder(change)))
  const files = catalogueDigests(rules.files)
  return {
    kind: 'catalogue',
    party: 'operator',
    text: (received) => catalogueEntryText({ received, rules: rules.catalogue.rules, files }),
    refuse: () => Promise.resolve(undefined),
    blobs: new Map([...rules.files].map(([name, content]) => [files[name] ?? '', content])),
  }
}

it('an event checked under the old catalogue is judged by the one in force at its index', async () => {
  const n = 300_000
  accepted(await log.one.take(await log.sign(eventAbout(n, 'registration.established.v1', 'commerce'))))
  const report = () => eventAbout(n, 'registration.annual-report.v1', 'commerce')
  const [earlier, later] = [await log.one.check(await log.sign(report())), await log.one.check(await log.sign(report()))]
  accepted(await log.one.group.append(earlier))
  const without = await catalogueChange((shipped) => ({
    ...shipped,
    types: shipped.types.filter(({ type }) => type !== 'registration.annual-report.v1'),
  }))
  const { index } = accepted(await log.two.group.append(without))
  const answer = refused(await log.one.group.append(later))
  expect(answer.refusal.code).toBe('unknown-type')
  expect(answer.index).toBeGreaterThan(index)
  accepted(await log.two.group.append(await catalogueChange((shipped) => shipped)))
  accepted(await log.one.group.append(later))
})

it('an event without aud is refused once the catalogue demands it, also when its signature was checked before', async () => {
  const item = await log.one.check(await log.sign(eventAbout(300_001, 'registration.imported.v1', 'commerce')))
  const event = eventAbout(300_002, 'registration.imported.v1', 'commerce')
  const addressed = await log.one.check(await signEvent(log.key('commerce'), event, { aud: origin }))
  accepted(await log.two.group.append(await catalogueChange((shipped) => ({ ...shipped, audience: 'required' }))))
  expect(await log.one.group.append(item)).toMatchObject({ refusal: { code: 'signature-invalid' }, index: undefined })
  accepted(await log.one.group.append(addressed))
  accepted(await log.two.group.append(await catalogueChange((shipped) => shipped)))
})
