import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bureausOf, indexOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy } from '../support/e2e-deployment.ts'
import { eventually } from '../support/eventually.ts'
import { examples } from '../support/examples.ts'
import { freePort } from '../support/free-port.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

let database: TestDatabase
let door: Awaited<ReturnType<typeof openDoor>>
let deployment: Deployment

beforeAll(async () => {
  database = await testDatabase()
  door = await openDoor(database.url)
  deployment = await deploy({ DATABASE_URL: door.url })
})
afterAll(async () => {
  await deployment?.close()
  door?.close()
  await database?.close()
})

it('a gateway outlives connections that are lost while they are asked for the array types', async () => {
  const gateway = await deployment.start(['gateway'])
  const bureaus = await bureausOf(deployment.keysFolder())
  const [first, second] = examples()
  if (first === undefined || second === undefined) throw new Error('there are no examples')
  expect(indexOf(await bureaus.post(gateway.url, first))).toBeGreaterThan(1)

  for (const _ of ['once', 'twice', 'three times']) {
    await door.shutAtArrayTypes()
    await door.open()
  }

  await eventually(async () => indexOf(await bureaus.post(gateway.url, second)))
  expect(gateway.output()).not.toContain('Node.js v')
  expect(await gateway.stop()).toBe(0)
})

/** Stands before a database, and can be shut as one that goes away while it is asked for its types. */
async function openDoor(databaseUrl: string) {
  const url = new URL(databaseUrl)
  const behind = Number(url.port)
  const port = await freePort()
  url.port = String(port)
  const sockets = new Set<Socket>()
  let onAsked: (() => void) | undefined
  const server = createServer((client) => {
    const inner = connect(behind, url.hostname)
    for (const [from, to] of [[client, inner] as const, [inner, client] as const]) {
      sockets.add(from)
      from.on('error', () => undefined).on('close', () => to.destroy())
      from.on('data', (chunk) => (from === client && chunk.includes('b.typarray') && onAsked ? onAsked() : to.write(chunk)))
    }
  })
  const open = async () => {
    onAsked = undefined
    if (!server.listening) await once(server.listen(port, '127.0.0.1'), 'listening')
  }
  const close = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  await open()
  return {
    url: url.href,
    open,
    close,
    /** Loses all connections; the first new one that asks for the types is lost, too, and whoever comes after is refused for a while. */
    async shutAtArrayTypes() {
      const asked = new Promise<void>((resolve) => {
        onAsked = resolve
      })
      for (const socket of sockets) socket.destroy()
      await asked
      close()
      let refused = 0
      await eventually(async () => {
        await fetch(`http://127.0.0.1:${port}`).catch(() => refused++)
        return refused > 40
      })
    },
  }
}
