import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { connect, type Database } from '../../src/database/connect.ts'
import { type LentConnection, lend } from '../../src/database/lent-connection.ts'
import { startOfProcess } from '../../src/database/process.ts'
import { inTransaction, inTransactionAhead, type Transaction } from '../../src/database/transaction.ts'
import { LastingConnection, TransactionOverdue } from '../../src/log/transaction.ts'
import { eventually } from '../support/eventually.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

let database: TestDatabase
let admin: Database
let one: Database

beforeAll(async () => {
  database = await testDatabase()
  admin = connect(database.url, { name: 'test admin', maxConnections: 1 })
  one = connect(database.url, { name: 'test', maxConnections: 1 })
  await admin.raw`create table numbers (n int)`
})
beforeEach(() => admin.raw`truncate numbers`)
afterAll(async () => {
  await Promise.all([one.close(), admin.close()])
  await database.close()
})

const numbers = async () => (await admin.raw<{ n: number }[]>`select n from numbers order by n`).map(({ n }) => n)

/** Ends a connection's process, as a database that restarts does, and waits until its end has reached us. */
async function end(connection: LentConnection): Promise<void> {
  const [backend] = await connection<{ pid: number }[]>`select pg_backend_pid() as pid`
  const pid = backend?.pid ?? 0
  await admin.raw`select pg_terminate_backend(${pid})`
  await eventually(async () => startOfProcess(pid) === undefined)
  // the end of its connection came before these answers
  for (const _ of ['once', 'twice']) await admin.raw`select 1`
}

it('a transaction whose connection is lost between two statements fails, and commits nothing', async () => {
  const work = inTransaction(one.raw, async (tx) => {
    await tx`insert into numbers values (1)`
    await end(tx)
    await tx`insert into numbers values (2)`
  })
  await expect(work).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(await numbers()).toEqual([])
})

it('and so does one whose place in the pool another connection has taken meanwhile', async () => {
  const work = inTransaction(one.raw, async (tx) => {
    await tx`insert into numbers values (1)`
    await end(tx)
    await one.raw`select 1`
    await tx`insert into numbers values (2)`
    await tx.unsafe('insert into numbers values (3)')
  })
  await expect(work).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(await numbers()).toEqual([])
})

it('an error of the work itself, after its connection was lost, is told as it is, and the pool goes on', async () => {
  const work = inTransaction(one.raw, async (tx) => {
    await end(tx)
    throw new Error('of the work')
  })
  await expect(work).rejects.toThrow('of the work')
  await inTransaction(one.raw, (tx) => tx`insert into numbers values (4)`)
  expect(await numbers()).toEqual([4])
})

it('a connection that is lent with a lock refuses statements once it is lost, and the pool goes on', async () => {
  const lock = await lend(one.raw, 'select pg_advisory_lock(1)')
  await end(lock)
  expect(() => lock`select pg_advisory_unlock(1)`).toThrow('closed the connection')
  expect(await one.raw`select 1 as one`).toEqual([{ one: 1 }])
})

it('a connection for one transaction after the other is opened anew when it is lost within one', async () => {
  const lasting = new LastingConnection(one.raw)
  const write = (n: number, between: (tx: LentConnection) => Promise<unknown> = async () => undefined) =>
    lasting.run(async (tx) => {
      await tx`begin`
      await tx`insert into numbers values (${n})`
      await between(tx)
      await tx`insert into numbers values (${n + 1})`
      await tx`commit`
    })
  await write(10)
  await expect(write(20, end)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  await write(30)
  expect(await numbers()).toEqual([10, 11, 30, 31])
  await lasting.close()
})

it('a transaction that the database does not end is given up, and the next one has a connection of its own', async () => {
  const lasting = new LastingConnection(one.raw, 300)
  let later: unknown
  const overdue = lasting.run(async (tx) => {
    await tx`begin`
    await tx`insert into numbers values (1)`
    await tx`select pg_sleep(1)`.catch(() => undefined)
    try {
      await tx`commit`
    } catch (error) {
      later = error
    }
  })
  await expect(overdue).rejects.toThrow(TransactionOverdue)
  await lasting.run((tx) => tx`insert into numbers values (2)`)
  await eventually(async () => later !== undefined)
  expect(later).toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(await numbers()).toEqual([2])
  await lasting.close()
})

it('work may commit together with its last statements: they come first, and where one of them fails nothing is kept', async () => {
  const insert = async (tx: Transaction, n: number) => {
    await tx`insert into numbers values (${n})`
  }
  await inTransaction(one.raw, async (tx, commit) => {
    await insert(tx, 1)
    await Promise.all([insert(tx, 2), tx`insert into numbers values (3)`, commit()])
    expect(await numbers()).toEqual([1, 2, 3])
  })
  for (const n of [4, 5]) {
    const work = inTransaction(one.raw, async (tx, commit) => {
      await insert(tx, n)
      await Promise.all([insert(tx, n), tx`select 1 / (${n}::int - ${n}::int)`, insert(tx, n), commit()])
    })
    await expect(work).rejects.toMatchObject({ code: '22012' })
  }
  expect(await numbers()).toEqual([1, 2, 3])
})

it('what is read and locked along with the begin belongs to the transaction', async () => {
  await admin.raw`insert into numbers values (1)`
  const lock = (tx: LentConnection) => tx<{ n: number }[]>`select n from numbers for update`.execute()
  await inTransactionAhead(one.raw, lock, async (tx, [first]) => {
    await expect(admin.raw`select n from numbers for update nowait`).rejects.toMatchObject({ code: '55P03' })
    await tx`insert into numbers values (${(first?.n ?? 0) + 1})`
  })
  expect(await admin.raw`select n from numbers for update nowait`).toHaveLength(2)
})

it('what fails along with the begin is told, and the pool goes on', async () => {
  let worked = false
  const failing = inTransactionAhead(
    one.raw,
    (tx) => Promise.all([tx`select 1 / 0`, tx`select 1`]),
    async () => {
      worked = true
    },
  )
  await expect(failing).rejects.toMatchObject({ code: '22012' })
  const cut = inTransactionAhead(
    one.raw,
    async (tx) => {
      await end(tx)
      return await tx`select 1`
    },
    async () => {
      worked = true
    },
  )
  await expect(cut).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(worked).toBe(false)
  await inTransaction(one.raw, (tx) => tx`insert into numbers values (1)`)
  expect(await numbers()).toEqual([1])
})

it('a transaction that could not begin does no work', async () => {
  const left = await one.raw.reserve()
  await left`begin`
  await expect(left`select 1 / 0`).rejects.toMatchObject({ code: '22012' })
  left.release()
  let worked = false
  const ahead = inTransactionAhead(
    one.raw,
    async () => undefined,
    async () => {
      worked = true
    },
  )
  await expect(ahead).rejects.toMatchObject({ code: '25P02' })
  expect(worked).toBe(false)
})

it('the log commits to the disk, whatever its pool does', async () => {
  const careless = connect(database.url, { name: 'test', maxConnections: 1, derived: true })
  const lasting = new LastingConnection(careless.raw)
  const setting = (tx: LentConnection) => tx`select current_setting('synchronous_commit') as commit`
  expect(await careless.raw`select current_setting('synchronous_commit') as commit`).toEqual([{ commit: 'off' }])
  expect(await lasting.run(setting)).toEqual([{ commit: 'on' }])
  await Promise.all([lasting.close(), careless.close()])
})

it('a connection that was left in a failed transaction fails one transaction, and no more', async () => {
  const left = await one.raw.reserve()
  await left`begin`
  await expect(left`select 1 / 0`).rejects.toMatchObject({ code: '22012' })
  left.release()
  const insert = () => inTransaction(one.raw, (tx) => tx`insert into numbers values (1)`)
  await expect(insert()).rejects.toMatchObject({ code: '25P02' })
  await insert()
  expect(await numbers()).toEqual([1])
})

it('a transaction that the database took back is no success', async () => {
  const work = inTransaction(one.raw, async (tx) => {
    await tx`select 1 / 0`.catch(() => undefined)
  })
  await expect(work).rejects.toThrow('the database answered the commit with ROLLBACK: nothing was stored')
})
