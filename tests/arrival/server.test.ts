import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type HttpServer, listen } from '../../src/arrival/server.ts'
import { signEvent } from '../../src/identity/sign.ts'
import { eventually } from '../support/eventually.ts'
import { establishment, type Gateway, openGateway } from '../support/gateway.ts'

const limits = {
  headersTimeoutMs: 600,
  requestTimeoutMs: 900,
  checkEveryMs: 100,
  lingerMs: 300,
  drainMs: 3000,
  maxConnections: 4096,
}
const logged: string[] = []
const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (_: object, message: string) => void logged.push(message),
  error: (_: object, message: string) => void logged.push(message),
}

let gateway: Gateway
let server: HttpServer
beforeAll(async () => {
  gateway = await openGateway({ consume: false, logger })
  server = await listen(gateway.app, '127.0.0.1', 0, limits)
})
afterAll(async () => {
  await server.close()
  await gateway.stop()
})

/** Sends bytes as they are; what came back until the server closed. */
function talk(text: string | Buffer, { hangUp = false, to = server } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(to.port, '127.0.0.1')
    let answer = ''
    socket.on('data', (data) => {
      answer += data
    })
    socket.on('close', () => resolve(answer))
    // a server that has answered and closed may reset what is still being sent
    socket.on('error', (error) => (answer === '' && !hangUp ? reject(error) : resolve(answer)))
    socket.write(text, () => hangUp && socket.destroy())
  })
}

/** Their statuses. */
const answersOf = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status)

const post = (rest: string) => `POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose\r\n${rest}`

describe('a connection', () => {
  it.each([
    ['is no HTTP', 'hello\r\n\r\n'],
    ['has no Host', 'GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['has a broken Host', 'GET /health/live HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'],
    ['says two lengths', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')],
    ['says a negative length', post('Content-Length: -5\r\n\r\n')],
    ['has a broken chunk', post('Transfer-Encoding: chunked\r\n\r\nzz\r\n')],
  ])('that %s gets a problem, and is closed', async (_, text) => {
    const answer = await talk(text)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toMatch(/content-type: application\/problem\+json/i)
    expect(answer).toContain('"code":"invalid-request"')
  })

  it.each([
    [
      'has Chinese as it is in its address',
      'GET /v1/keys?name=大连 HTTP/1.1\r\nHost: x\r\n\r\n',
      'percent-encoded',
      '百分号编码',
    ],
    ['begins as TLS does', Buffer.of(0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3), 'http://', '不使用 TLS'],
    ['is no HTTP', 'hello\r\n\r\n', 'HTTP/1.1', '不是'],
    ['has no Host', 'GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n', 'Host', '须有'],
    ['does not end', 'GET /health/live HTTP/1.1\r\nHost: x\r\n', 'within the time limit', '时限'],
  ])('that %s is told what to do, in both languages, since nothing says which', async (_, bytes, en, zh) => {
    const { detail } = JSON.parse((await talk(bytes)).split('\r\n\r\n')[1] ?? '{}')
    expect(detail).toContain(en)
    expect(detail).toContain(zh)
  })

  it('in HTTP/1.0 needs no Host, which HTTP/1.0 does not know', async () => {
    expect(await talk('GET /health/live HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 .*"live":true/s)
    const compact = await signEvent(gateway.key('commerce'), establishment(10))
    const headers = `Content-Type: application/jose\r\nContent-Length: ${compact.length}`
    expect(await talk(`POST /v1/events HTTP/1.0\r\n${headers}\r\n\r\n${compact}`)).toMatch(/^HTTP\/1\.1 201 /)
  })

  it('whose headers do not end is closed in time, with 408', async () => {
    const begun = performance.now()
    expect(await talk('GET /health/live HTTP/1.1\r\nHost: x\r\n')).toMatch(/^HTTP\/1\.1 408 .*"code":"request-timeout"/s)
    expect(performance.now() - begun).toBeLessThan(5000)
  })

  it.each([['Content-Length: 500\r\n\r\nabc'], ['Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n']])(
    'whose body does not end is closed in time, with 408: %j',
    async (rest) => {
      const begun = performance.now()
      expect(await talk(post(rest))).toMatch(/^HTTP\/1\.1 408 /)
      expect(performance.now() - begun).toBeLessThan(5000)
    },
  )

  it('with headers beyond 16 KiB gets 431', async () => {
    const answer = await talk(`GET /health/live HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n.*"code":"headers-too-large"/s)
  })

  it('that asks for what nobody can do is told so', async () => {
    const expecting = await talk(post('Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello'))
    expect(expecting).toMatch(/^HTTP\/1\.1 417 .*problem\+json.*"code":"expectation-failed"/s)
  })

  it('that wants to be led elsewhere is closed, and nobody else', async () => {
    for (const hangUp of [true, false])
      expect(await talk('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n', { hangUp })).toBe('')
    expect(await talk('GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('that goes on sending what is no HTTP reads the answer all the same', async () => {
    expect(await talk('hello '.repeat(200_000))).toMatch(/^HTTP\/1\.1 400 .*"code":"invalid-request"/s)
  })

  it('with a body beyond its bound gets 413, whether its length was said or not', async () => {
    const chunk = `2000\r\n${'a'.repeat(0x2000)}\r\n`
    expect(await talk(post(`Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}`))).toMatch(/^HTTP\/1\.1 413 /)
    expect(await talk(post(`Content-Length: 1000000\r\n\r\n${'a'.repeat(60_000)}`))).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('that breaks off is the sender’s affair: nothing is logged, least of all a database', async () => {
    const refused = async () => /code="request-timeout"\} (\d+)/.exec(await (await gateway.get('/metrics')).text())?.[1] ?? '0'
    const before = Number(await refused())
    await talk(post('Content-Length: 500\r\n\r\nabc'), { hangUp: true })
    await talk(post('Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'), { hangUp: true })
    await eventually(async () => Number(await refused()) >= before + 2)
    expect(logged).toEqual([])
  })

  it('may use TRACE, and is told what is allowed', async () => {
    expect(await talk('TRACE /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 405 .*allow: POST, GET, HEAD/s,
    )
  })

  const live = 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'

  it.each([
    ['is no HTTP', 'hello\r\n\r\n', '400'],
    ['has headers beyond 16 KiB', `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, '431'],
    ['has a broken chunk', post('Transfer-Encoding: chunked\r\n\r\nzz\r\n'), '400'],
    ['does not end', post('Content-Length: 500\r\n\r\nabc'), '408'],
  ])('whose later request %s gets an answer to each, at once or one by one', async (_, text, status) => {
    expect(answersOf(await talk(live + live + text))).toEqual(['200', '200', status])
    const apart = await new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1')
      let answer = ''
      socket.on('data', (data) => {
        if (answer === '') socket.write(text)
        answer += data
      })
      socket.on('close', () => resolve(answer))
      socket.on('error', reject)
      socket.write(live)
    })
    expect(answersOf(apart)).toEqual(['200', status])
    expect(apart).toMatch(/problem\+json.*"detail":/s)
  })

  it('that sends no HTTP while its event is stored hears of the event first', async () => {
    const compact = await signEvent(gateway.key('commerce'), establishment(11))
    const connection = await gateway.database.raw.reserve()
    await connection`begin`
    await connection`select 1 from log.head for update`
    const answer = talk(`${post(`Content-Length: ${compact.length}\r\n\r\n`)}${compact}hello\r\n\r\n`)
    await eventually(
      async () =>
        (
          await gateway.database.raw`
      select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
        ).length > 0,
    )
    await connection`rollback`
    connection.release()
    expect(answersOf(await answer)).toEqual(['201', '400'])
  })

  it('may ask first whether to send its body', async () => {
    const compact = await signEvent(gateway.key('commerce'), establishment(1))
    const expecting = `Expect: 100-continue\r\nConnection: close\r\nContent-Length: ${compact.length}\r\n\r\n${compact}`
    expect(await talk(post(expecting))).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /)
  })
})

describe('a server that closes', () => {
  it('answers what is under way, ends kept connections with it, and takes no new one', async () => {
    const own = await listen(gateway.app, '127.0.0.1', 0, limits)
    const compact = await signEvent(gateway.key('commerce'), establishment(2))
    const connection = await gateway.database.raw.reserve()
    await connection`begin`
    await connection`select 1 from log.head for update`
    const answer = talk(post(`Content-Length: ${compact.length}\r\n\r\n${compact}`), { to: own })
    await eventually(async () => {
      const rows = await gateway.database
        .raw`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      return rows.length > 0
    })
    const closed = own.close()
    await expect(talk('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n', { to: own })).rejects.toThrow(/ECONNREFUSED/)
    await connection`rollback`
    connection.release()
    expect(await answer).toMatch(/^HTTP\/1\.1 201 .*connection: close/is)
    await closed
  })

  it('does not wait for idle or half-sent connections beyond its time', async () => {
    const own = await listen(gateway.app, '127.0.0.1', 0, {
      ...limits,
      headersTimeoutMs: 60_000,
      requestTimeoutMs: 60_000,
      drainMs: 300,
    })
    const half = talk(post('Content-Length: 500\r\n\r\nabc'), { to: own }).catch(() => 'reset')
    const silent = talk('', { to: own }).catch(() => 'reset')
    await eventually(async () =>
      (await talk('GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', { to: own })).includes('200'),
    )
    const begun = performance.now()
    await own.close()
    expect(performance.now() - begun).toBeLessThan(5000)
    await Promise.all([half, silent])
  })
})
