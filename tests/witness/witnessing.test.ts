import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openCosigned } from '../../src/log/cosignature.ts'
import { newLogKey } from '../../src/log/log-key.ts'
import { createLogReader } from '../../src/log/read.ts'
import { parseReceipt, verifyReceipt } from '../../src/log/receipt.ts'
import type { Logger } from '../../src/logger.ts'
import { createMetrics } from '../../src/metrics.ts'
import type { WitnessSettings } from '../../src/witness/settings.ts'
import { startWitnessing, type Witnessing } from '../../src/witness/witnessing.ts'
import { eventually } from '../support/eventually.ts'
import { type Gateway, openGateway } from '../support/gateway.ts'
import { madeWitness } from '../support/made-witness.ts'
import { type Misbehaviour, startWitnessServer, type WitnessServer } from '../support/witness-server.ts'

let gateway: Gateway
let one: WitnessServer
let two: WitnessServer
let metrics = createMetrics()
const running: Witnessing[] = []
const lines: string[] = []
const line = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`)
const logger: Logger = { debug: () => undefined, info: line, warn: line, error: line }

beforeAll(async () => {
  gateway = await openGateway({ consume: false })
})
afterAll(() => gateway.stop())
beforeEach(async () => {
  one = await startWitnessServer('w.example/one', gateway.logKey.verifier)
  two = await startWitnessServer('w.example/two', gateway.logKey.verifier)
  metrics = createMetrics()
  lines.length = 0
})
afterEach(async () => {
  for (const each of running.splice(0)) await each.close()
  await Promise.all([one.stop(), two.stop()])
  // as an exchange without witnesses does when it starts
  await startWitnessing(undefined, means())
})

const means = () => ({ sql: gateway.database.raw, log: gateway.logKey.verifier, metrics, logger })

async function start(settings: Partial<WitnessSettings> = {}): Promise<Witnessing> {
  const witnesses = [one.address, two.address]
  const all = { witnesses, quorum: witnesses.length, maxLagSeconds: 60, required: false, ...settings }
  const witnessing = await startWitnessing(all, means())
  if (witnessing === undefined) throw new Error('no witnesses')
  running.push(witnessing)
  return witnessing
}

function operation() {
  return {
    kind: 'operation' as const,
    party: 'auditor',
    digest: randomBytes(32),
    text: (received: string) => JSON.stringify({ kind: 'operation', received, action: 'a test' }),
  }
}

async function grow(entries = 3): Promise<number> {
  for (let i = 0; i < entries; i++) await gateway.group.append(operation())
  const [head] = await gateway.database.raw<{ size: number }[]>`select size from log.head`
  return head?.size ?? 0
}

/** Until what is published covers the log and has the quorum; @returns the names of those that stand by it */
async function cosignedBy(witnessing: Witnessing, size: number, quorum: number): Promise<readonly string[]> {
  await eventually(async () => {
    expect(await witnessing.published()).toMatchObject({ size, cosigned: true })
  }, 20_000)
  const { checkpoint } = await witnessing.published()
  const opened = openCosigned(checkpoint, gateway.logKey.verifier, [one.witness, two.witness], quorum)
  return opened.cosignatures.map(({ name }) => name)
}

async function answersOf(witness: string): Promise<Readonly<Record<string, number>>> {
  const { values } = await metrics.witnessAnswers.get()
  return Object.fromEntries(
    values.filter(({ labels }) => labels.witness === witness).map(({ labels, value }) => [String(labels.outcome), value]),
  )
}

describe('an exchange with witnesses', () => {
  it('publishes what the quorum stands by, and makes receipts against it', async () => {
    const witnessing = await start()
    const size = await grow()
    expect(await cosignedBy(witnessing, size, 2)).toEqual(['w.example/one', 'w.example/two'])
    const later = await grow(300)
    expect(await cosignedBy(witnessing, later, 2)).toHaveLength(2)
    const reader = createLogReader(gateway.database.raw, gateway.logKey.verifier, witnessing.published)
    const { checkpoint } = await witnessing.published()
    expect(await reader.checkpoint()).toBe(checkpoint)
    const row = await reader.entry(5)
    const { receipt } = await reader.prove(5)
    expect(parseReceipt(receipt).checkpoint).toBe(checkpoint)
    verifyReceipt(receipt, row?.entry ?? '', gateway.logKey.verifier)
  })

  it('proves entries that the witnesses have not seen yet by the head of the log', async () => {
    for (const witness of [one, two]) witness.misbehave((_, response) => response.writeHead(503).end())
    const witnessing = await start()
    const size = await grow()
    const reader = createLogReader(gateway.database.raw, gateway.logKey.verifier, witnessing.published)
    const { receipt } = await reader.prove(size - 1)
    expect(verifyReceipt(receipt, (await reader.entry(size - 1))?.entry ?? '', gateway.logKey.verifier)).toMatchObject({ size })
    // what was served before must not seem to shrink, nor to be more than the witnesses stand by
    expect(await witnessing.published()).toMatchObject({ size: size - 3, cosigned: false })
  })

  it('goes on from the size that a witness tells, also in another life', async () => {
    const first = await start()
    const size = await grow()
    await cosignedBy(first, size, 2)
    await first.close()
    running.length = 0
    const second = await start()
    const later = await grow()
    await cosignedBy(second, later, 2)
    expect(one.cosigned.at(-1)).toBe(later)
    // the first request of a life is made from 0, and answered by 409
    expect(one.requests()).toBeGreaterThan(one.cosigned.length)
  })

  it('warns when the quorum is missing for too long, counts it, and catches up when it is back', async () => {
    const witnessing = await start({ maxLagSeconds: 1 })
    const size = await grow()
    await cosignedBy(witnessing, size, 2)
    expect(await witnessing.health()).toEqual({ cosignedSize: size, lagSeconds: 0, accepting: true })
    two.misbehave((_, response) => response.writeHead(500).end('out for lunch'))
    const later = await grow()
    await eventually(async () => {
      const health = await witnessing.health()
      expect(health).toMatchObject({ cosignedSize: size, accepting: true })
      expect(health.warning).toMatch(/fewer witnesses than the quorum have cosigned for \d+ s \(bound: 1 s\)/)
    }, 10_000)
    await witnessing.readGauges()
    expect((await metrics.witnessLag.get()).values[0]?.value).toBeGreaterThan(1)
    expect((await metrics.witnessSize.get()).values[0]?.value).toBe(size)
    expect((await answersOf('w.example/two')).refused).toBeGreaterThan(0)
    await witnessing.admit(operation())
    two.misbehave(undefined)
    await cosignedBy(witnessing, later, 2)
    expect((await witnessing.health()).warning).toBeUndefined()
    // a long absence is one line, and its end another
    expect(lines.filter((text) => text.includes('out for lunch'))).toHaveLength(1)
  })

  it('takes witnesses that are named for the first time for late only once they had the time, however old the log is', async () => {
    for (const witness of [one, two]) witness.misbehave((_, response) => response.writeHead(503).end())
    await grow(1)
    await pause(2000)
    const witnessing = await start({ maxLagSeconds: 1, required: true })
    expect((await witnessing.health()).accepting).toBe(true)
    await eventually(async () => !(await witnessing.health()).accepting, 10_000)
  })

  it('accepts no events without them where they are required, but lets auditors read and keys be revoked', async () => {
    for (const witness of [one, two]) witness.misbehave((_, response) => response.writeHead(503).end())
    const witnessing = await start({ maxLagSeconds: 1, required: true })
    const size = await grow(1)
    const event = { kind: 'event' } as Parameters<Witnessing['admit']>[0]
    await eventually(() => expect(witnessing.admit(event)).rejects.toThrow('too few witnesses'), 10_000)
    expect(await witnessing.health()).toMatchObject({ accepting: false, cosignedSize: 0 })
    await witnessing.admit(operation())
    for (const witness of [one, two]) witness.misbehave(undefined)
    await cosignedBy(witnessing, size, 2)
    await eventually(() => witnessing.admit(event), 5000)
    expect(await witnessing.health()).toMatchObject({ accepting: true })
  })

  it('asks from one process at a time, and serves the same from every one', async () => {
    const [first, second] = [await start(), await start()]
    const size = await grow()
    await cosignedBy(second, size, 2)
    expect(await first.published()).toMatchObject({ checkpoint: (await second.published()).checkpoint })
    expect(new Set(one.cosigned).size).toBe(one.cosigned.length)
    await first.close()
    const later = await grow()
    await cosignedBy(second, later, 2)
  })

  it('asks again when the settings name others than those that cosigned', async () => {
    const first = await start({ witnesses: [one.address], quorum: 1 })
    const size = await grow()
    expect(await cosignedBy(first, size, 1)).toEqual(['w.example/one'])
    await first.close()
    running.length = 0
    const second = await start({ witnesses: [two.address], quorum: 1 })
    expect(await cosignedBy(second, size, 1)).toEqual(['w.example/two'])
  })
})

const others = madeWitness('w.example/other')
const elsewhere = newLogKey('localhost/lianban').signCheckpoint(9, randomBytes(32))
let told = 0

/** What a hostile or broken server may do, and what that counts as. */
const misbehaviours: readonly [string, string, Misbehaviour][] = [
  ['answers garbage', 'wrong', (_, response) => response.end(randomBytes(900))],
  ['answers nothing', 'wrong', (_, response) => response.end()],
  ['answers without end', 'away', (_, response) => endless(response)],
  [
    'answers a header without end',
    'away',
    (_, response) => void response.socket?.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(1e6)}`),
  ],
  ['hangs up', 'away', (_, response) => void response.socket?.destroy()],
  ['sends us elsewhere', 'away', (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
  ['signs with another key', 'wrong', ({ checkpoint }, response) => response.end(others.line(checkpoint))],
  ['signs another checkpoint', 'wrong', (_, response) => response.end(two.witness.line(elsewhere))],
  ['signs in the name of the log', 'wrong', ({ checkpoint }, response) => response.end(checkpoint.split('\n\n')[1])],
  ['alters its signature', 'wrong', ({ good }, response) => response.end(good.replace(/.{6}\n$/, 'AAAA==\n'))],
  ['hides a line of text before its own', 'wrong', ({ good }, response) => response.end(`more text\n\n${good}`)],
  ['tells a size that no log has', 'refused', (_, response) => response.writeHead(409).end('-1')],
  ['tells another size each time', 'refused', (_, response) => response.writeHead(409).end(String(++told % 5))],
  ['tells of more entries than there are', 'conflict', (_, response) => response.writeHead(409).end('99999999')],
  ['finds the proof wrong', 'conflict', (_, response) => response.writeHead(422).end()],
  ['does not know the log', 'refused', (_, response) => response.writeHead(404).end('<h1>Not Found</h1>')],
]

function endless(response: Parameters<Misbehaviour>[1]): void {
  const more = () => {
    while (response.writable && response.write('x'.repeat(65_536)));
  }
  response.on('drain', more)
  more()
}

describe('a witness that is not to be believed', () => {
  it.each(misbehaviours)('does no harm when it %s: it counts as %s', async (_, outcome, how) => {
    two.misbehave(how)
    const witnessing = await start({ quorum: 1 })
    const size = await grow(1)
    expect(await cosignedBy(witnessing, size, 1)).toEqual(['w.example/one'])
    await eventually(async () => expect((await answersOf('w.example/two'))[outcome]).toBeGreaterThan(0), 10_000)
    expect(Object.keys(await answersOf('w.example/two'))).toEqual([outcome])
    expect(lines.some((text) => text.includes('ALARM'))).toBe(outcome === 'conflict')
  })

  it('does not hold up the others when it never answers', async () => {
    two.misbehave(() => undefined)
    const witnessing = await start({ quorum: 1 })
    for (let round = 0; round < 2; round++) expect(await cosignedBy(witnessing, await grow(1), 1)).toEqual(['w.example/one'])
    await eventually(async () => expect((await answersOf('w.example/two')).away).toBeGreaterThan(0), 10_000)
  })

  it('adds nothing but its own line, whatever lines it sends', async () => {
    two.misbehave(({ checkpoint, good }, response) => response.end(others.line(checkpoint) + good + one.witness.line(elsewhere)))
    const witnessing = await start()
    const size = await grow(1)
    expect(await cosignedBy(witnessing, size, 2)).toEqual(['w.example/one', 'w.example/two'])
    expect((await witnessing.published()).checkpoint.match(/^—/gmu)).toHaveLength(3)
  })
})
