import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, type Database } from '../../src/database/connect.ts'
import { isLostConnection } from '../../src/database/database-error.ts'
import type { Transaction } from '../../src/database/transaction.ts'
import type { Act } from '../../src/operations/act.ts'
import { Ledger } from '../../src/operations/ledger.ts'
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts'

let test: TestDatabase
let database: Database
beforeAll(async () => {
  test = await migratedDatabase()
  database = connect(test.url, { name: 'test' })
})
afterAll(async () => {
  await database.close()
  await test.close()
})

const request = ['{}', '{"reason":"I looked at it"}', ''].map((part) => Buffer.from(part).toString('base64url')).join('.')

async function record(index: number, action: string): Promise<void> {
  const entry = JSON.stringify({ kind: 'operation', action, party: 'operator', kid: 'k', request })
  await database.raw`
    insert into log.entries (index, kind, received, entry, leaf) values (${index}, 'operation', now(), ${entry}, '\\x00')`
}

/** A ledger with two acts; the one does what the test asks for just then. */
function ledgerOf(republish: (tx: Transaction) => Promise<unknown>) {
  const carriedOut: number[] = []
  const errors: object[] = []
  const act = (action: string, carryOut: ReturnType<Act['prepare']>['carryOut']): Act => ({
    action,
    prepare: () => ({ weighty: false, before: async () => undefined, carryOut }),
  })
  const done = act('dismiss', async (_, { index }) => void carriedOut.push(index))
  const failing = act('republish', async (tx, { index }) => {
    await republish(tx)
    carriedOut.push(index)
  })
  const quiet = () => undefined
  const logger = {
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: (fields: object, text: string) => errors.push({ ...fields, text }),
  }
  return { ledger: new Ledger({ sql: database.raw, acts: [done, failing], twoPersons: () => [], logger }), carriedOut, errors }
}

it('an operation that fails is named, holds up the later ones, and is done once it can be', async () => {
  const fault = new Error('a fault of ours')
  let republish: (tx: Transaction) => Promise<unknown> = () => Promise.reject(fault)
  const { ledger, carriedOut, errors } = ledgerOf((tx) => republish(tx))
  await record(1, 'dismiss')
  await record(2, 'republish')
  await record(3, 'dismiss')

  await expect(ledger.carryOut()).rejects.toThrow('a fault of ours')
  expect(carriedOut).toEqual([1])
  const text = expect.stringContaining('every later one waits for it')
  expect(errors).toEqual([{ index: 2, action: 'republish', error: fault, text }])

  republish = (tx) => tx`select pg_terminate_backend(pg_backend_pid())`
  await expect(ledger.carryOut()).rejects.toSatisfy(isLostConnection)
  expect(errors).toHaveLength(1)

  republish = (tx) => tx`select 1`
  await ledger.carryOut()
  expect(carriedOut).toEqual([1, 2, 3])
})
