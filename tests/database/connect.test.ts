import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DrizzleQueryError, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { compose } from '../../src/compose/compose.ts'
import { readConfig } from '../../src/config.ts'
import { connect, goneAtStart, pingDatabase } from '../../src/database/connect.ts'
import { CannotStart } from '../../src/domain/cannot-start.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

describe('connections', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await testDatabase()
  })
  afterAll(() => database.close())

  test('raw SQL reads int8 as a number and refuses one that a number cannot hold', async () => {
    const { raw, close } = connect(database.url, { name: 'test' })
    const [row] = await raw`select ${2 ** 53 - 1}::int8 as largest, array[1, 2]::int8[] as several`
    expect(row).toEqual({ largest: 2 ** 53 - 1, several: [1, 2] })
    await expect(raw`select 9007199254740993::int8`).rejects.toThrow('9007199254740993 is no safe integer')
    await close()
  })

  test('both clients stay in the schema they were given and keep dates and JSON apart', async () => {
    const { raw, orm, close } = connect(database.url, { name: 'test', schema: 'pg_catalog' })
    const [now] = await raw`select now() as at, '{"a":1}'::jsonb as json, current_setting('search_path') as path`
    expect(now).toMatchObject({ at: expect.any(Date), json: { a: 1 }, path: 'pg_catalog' })
    const [path] = await orm.execute(sql`select current_setting('search_path') as path`)
    expect(path).toEqual({ path: 'pg_catalog' })
    await close()
  })

  test('a database of another encoding is refused with what to do, and left as it is', async () => {
    const { raw, address, close } = connect(inject('postgresUrl'), { name: 'test' })
    const name = `test_latin_${process.pid}`
    await raw.unsafe(`create database ${name} template template0 encoding 'SQL_ASCII' locale_provider libc locale 'C'`)
    const url = new URL(database.url)
    url.pathname = `/${name}`
    const latin = connect(url.href, { name: 'test' })
    await expect(pingDatabase(latin)).rejects.toThrow("encoding is SQL_ASCII: create it with encoding 'UTF8'")
    const dataDir = await mkdtemp(join(tmpdir(), 'lianban-latin-'))
    const config = readConfig({ DATABASE_URL: url.href, DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'silent' })
    await expect(compose(config, { gateway: true, publish: false, consume: [] })).rejects.toThrow('encoding is SQL_ASCII')
    expect(await latin.raw`select nspname from pg_namespace where nspname in ('log', 'drizzle')`).toEqual([])
    await rm(dataDir, { recursive: true, force: true })
    await latin.close()
    await raw.unsafe(`drop database ${name}`)
    await expect(pingDatabase({ raw, address })).resolves.toBeUndefined()
    await close()
  })

  test('a server that closes each connection before it answers is told, and is not asked without a pause', async () => {
    let connections = 0
    const closing = createServer((socket) => {
      connections += 1
      socket.on('error', () => undefined) // whoever was cut off may cut us off, too
      socket.end()
    })
    const port = await listening(closing)
    const { raw, address, close } = connect(`postgres://127.0.0.1:${port}/x`, { name: 'test', maxConnections: 2 })
    for (let i = 0; i < 5; i++) await expect(raw`select 1`).rejects.toThrow('closed the connection before it answered')
    await expect(pingDatabase({ raw, address })).rejects.toThrow('is DATABASE_URL right')
    expect(connections).toBeLessThan(12)
    await close()
    closing.close()
  })

  test.each([
    ['is none', 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n', 'what answers there is no Postgres server'],
    [
      'can’t start a process',
      'Ecould not fork new process for connection: no memory\n\0',
      'the server closed the connection before it let us in',
    ],
  ])('a server that %s is told, and is not asked without a pause', async (_, answer, told) => {
    let connections = 0
    const server = createServer((socket) => {
      connections += 1
      socket.on('error', () => undefined) // whoever was cut off may cut us off, too
      socket.once('data', () => socket.end(answer))
    })
    const port = await listening(server)
    const database = connect(`postgres://127.0.0.1:${port}/x`, { name: 'test', maxConnections: 2 })
    await expect(pingDatabase(database)).rejects.toThrow(`the database at 127.0.0.1:${port} can't be used: ${told}`)
    await expect(database.raw`select 1`).rejects.toThrow(told)
    expect(connections).toBeLessThan(6)
    await database.close()
    server.close()
  })

  test('a server that says nothing is given up in time, and named: before it lets us in, and after', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined))
    const port = await listening(silent)
    const timed = connect(`postgres://127.0.0.1:${port}/x`, { name: 'test', connectTimeoutMs: 100 })
    await expect(pingDatabase(timed)).rejects.toThrow(
      `the database at 127.0.0.1:${port} can't be used: it took the connection and gave no answer in time; is DATABASE_URL right`,
    )
    await expect(timed.raw`select 1`).rejects.toThrow(`CONNECT_TIMEOUT 127.0.0.1:${port}`)
    const server = new URL(database.url)
    const freezing = createServer((socket) => {
      const onward = createConnection(Number(server.port), server.hostname)
      for (const end of [socket, onward]) end.on('error', () => undefined) // the test's end cuts them
      onward.pipe(socket)
      // lets in whoever comes, and answers no question
      socket.on('data', (chunk) => chunk.includes('server_version_num') || onward.write(chunk))
    })
    const frozenPort = await listening(freezing)
    const frozen = connect(database.url.replace(server.port, String(frozenPort)), { name: 'test' })
    await expect(pingDatabase(frozen, 500)).rejects.toThrow(
      `the database at 127.0.0.1:${frozenPort} can't be used: no answer within 0.5 s`,
    )
    await Promise.all([timed.close(), frozen.close()])
    silent.close()
    freezing.close()
  })

  test('an IPv6 address is one, also where there is no IPv6', async () => {
    const six = connect('postgres://[::1]:1/x', { name: 'test' })
    await expect(pingDatabase(six)).rejects.toThrow(/the database at \[::1\]:1 can't be used: connect E[A-Z]+ ::1:1/)
    await six.close()
  })

  test('a pool outlives more failed connections than it has, and works when the database is back', async () => {
    const server = new URL(database.url)
    const relay = createServer((socket) => {
      const onward = createConnection(Number(server.port), server.hostname)
      socket.pipe(onward).pipe(socket)
      for (const end of [socket, onward]) end.on('error', () => undefined) // the test's end cuts them
    })
    const port = await listening(relay)
    relay.close()
    await once(relay, 'close')
    const { raw, close } = connect(database.url.replace(server.port, String(port)), { name: 'test', maxConnections: 2 })
    for (let i = 0; i < 5; i++) await expect(raw`select 1`).rejects.toThrow('ECONNREFUSED')
    await listening(relay, port)
    expect(await raw`select 1 as one`).toEqual([{ one: 1 }])
    await close()
    relay.close()
  })

  test('a statement that hangs is given up', async () => {
    const { raw, close } = connect(database.url, { name: 'test', statementTimeoutMs: 50 })
    await expect(raw`select pg_sleep(20)`).rejects.toThrow('statement timeout')
    await close()
  })
})

async function listening(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port')
  return address.port
}

test('a database that goes away under a start is told of by its own error, also where Drizzle wraps it, and nothing else is', () => {
  const away = Object.assign(new Error('the database system is shutting down'), { severity: 'FATAL' })
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const late = Object.assign(new Error('no connection within 5 s', { cause: new Error('aborted') }), {
    code: 'ETIMEDOUT',
  })
  for (const error of [away, refused, new DrizzleQueryError('select 1', [], away), late]) {
    const told = goneAtStart(error, { address: 'db.example:5432' })
    expect(told).toBeInstanceOf(CannotStart)
    expect(String(told)).toMatch(/the database at db\.example:5432 went away during the start: (the|connect|no) /)
  }
  const fault = Object.assign(new Error('no such column'), { severity: 'ERROR' })
  expect(goneAtStart(fault, { address: 'db.example:5432' })).toBe(fault)
})
