import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type HttpServer, listen } from '../../src/arrival/server.ts'
import { signEvent } from '../../src/identity/sign.ts'
import { eventually } from '../support/eventually.ts'
import { establishment, type Gateway, openGateway } from '../support/gateway.ts'

const limits = {
  headersTimeoutMs: 1500,
  requestTimeoutMs: 2000,
  checkEveryMs: 100,
  lingerMs: 100,
  drainMs: 1000,
  maxConnections: 4096,
}
const crowd = 1000

let gateway: Gateway
let server: HttpServer
beforeAll(async () => {
  gateway = await openGateway({ consume: false })
  server = await listen(gateway.app, '127.0.0.1', 0, limits)
})
afterAll(async () => {
  await server.close()
  await gateway.stop()
})

interface Connection {
  readonly socket: Socket
  /** what came back, once the server has closed */
  readonly closed: Promise<string>
}

async function open(first: string, to = server): Promise<Connection> {
  const socket = connect(to.port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text))
  const closed = new Promise<string>((resolve) => {
    // a server that closes may reset what is still being sent
    socket.on('error', () => undefined).on('close', () => resolve(answer))
  })
  await once(socket, 'connect')
  if (first !== '') socket.write(first)
  return { socket, closed }
}

const openMany = (first: string) => Promise.all(Array.from({ length: crowd }, () => open(first)))

/** An honest sender's event gets through, whoever else is there. */
async function expectServed(n: number, to = server): Promise<void> {
  const compact = await signEvent(gateway.key('commerce'), establishment(n))
  const headers = { 'content-type': 'application/jose', connection: 'close' }
  const { status } = await fetch(`http://127.0.0.1:${to.port}/v1/events`, { method: 'POST', body: compact, headers })
  expect(status).toBe(201)
}

const head = 'POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose\r\n'

describe(`${crowd} connections`, () => {
  it.each([
    ['that say nothing', ''],
    ['that stop within their headers', 'POST /v1/events HTTP/1.1\r\nHost: x\r\nX-A'],
    ['that stop within their body', `${head}Content-Length: 40000\r\n\r\nabc`],
  ])('%s are closed in time, and others served meanwhile', async (_, first) => {
    const connections = await openMany(first)
    await expectServed(Math.floor(Math.random() * 1e6))
    const answers = await Promise.all(connections.map(({ closed }) => closed))
    expect(answers.filter((answer) => answer !== '' && !answer.startsWith('HTTP/1.1 408 '))).toEqual([])
  })

  it.each([
    ['their headers', head, 'X-Slow: 1\r\n'],
    ['a chunked body', `${head}Transfer-Encoding: chunked\r\n\r\n`, '1\r\na\r\n'],
  ])('that go on sending %s, a little at a time, are closed all the same', async (_, first, little) => {
    const connections = await openMany(first)
    const open = new Set(connections)
    for (const one of connections) void one.closed.then(() => open.delete(one))
    const trickle = setInterval(() => {
      for (const { socket } of open) socket.write(little)
    }, 100)
    try {
      await expectServed(1_000_000 + Math.floor(Math.random() * 1e6))
      await eventually(async () => open.size === 0)
    } finally {
      clearInterval(trickle)
    }
  })

  it('that each send an endless body cost no more memory than their bounds', async () => {
    const chunk = `4000\r\n${'a'.repeat(0x4000)}\r\n`
    const before = process.memoryUsage().rss
    const connections = await openMany(`${head}Transfer-Encoding: chunked\r\n\r\n`)
    for (const { socket } of connections) for (let i = 0; i < 8; i++) socket.write(chunk)
    const answers = await Promise.all(connections.map(({ closed }) => closed))
    // a busy machine may not have read that much in time
    expect(answers.filter((answer) => !/^(HTTP\/1\.1 (413|408) |$)/.test(answer))).toEqual([])
    expect(answers.some((answer) => answer.startsWith('HTTP/1.1 413 '))).toBe(true)
    // 48 KiB for each, the sockets of both ends in this process, and room for garbage
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(400)
    await expectServed(2_000_000 + Math.floor(Math.random() * 1e6))
  })
})

it('a connection beyond the bound is closed as it comes, and there is room again when others end', async () => {
  const own = await listen(gateway.app, '127.0.0.1', 0, {
    ...limits,
    headersTimeoutMs: 60_000,
    requestTimeoutMs: 60_000,
    maxConnections: 20,
  })
  const first = await Promise.all(Array.from({ length: 20 }, () => open('', own)))
  expect(await (await open('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n', own)).closed).toBe('')
  for (const { socket } of first) socket.destroy()
  await eventually(async () => {
    const { closed } = await open('GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', own)
    expect(await closed).toMatch(/^HTTP\/1\.1 200 /)
  })
  await own.close()
})

it('a flood of headers is refused, whether many or long', async () => {
  for (const flood of ['X: 1\r\n'.repeat(20_000), `X: ${'a'.repeat(200_000)}\r\n`]) {
    const { closed } = await open(`GET /health/live HTTP/1.1\r\nHost: x\r\n${flood}\r\n`)
    expect(await closed).toMatch(/^(HTTP\/1\.1 431 |$)/)
  }
})
