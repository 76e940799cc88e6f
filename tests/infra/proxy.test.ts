import { chmod, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeCa } from '../support/certificates.ts'
import { type Bureaus, bureausOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy, type Running } from '../support/e2e-deployment.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { exampleOf, madeUpUscc } from '../support/gateway.ts'
import { describeWithNginx, type RunningProxy, startNginx } from '../support/nginx.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

interface Answer {
  readonly status: number
  readonly type: string
  readonly retryAfter: string | undefined
  readonly body: Readonly<Record<string, unknown>>
}

describeWithNginx('nginx with our configuration, before two gateways', () => {
  let folder: string
  let database: TestDatabase
  let deployment: Deployment
  let ports: readonly [number, number]
  let gateways: Running[]
  let bureaus: Bureaus
  let proxy: RunningProxy
  let agent: Agent
  let made = 0

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lianban-nginx-'))
    await chmod(folder, 0o755)
    const ca = await makeCa(folder, 'ca')
    const { certFile, keyFile } = await ca.sign('proxy', 'IP:127.0.0.1')
    await rename(certFile, join(folder, 'fullchain.pem'))
    await rename(keyFile, join(folder, 'privkey.pem'))
    database = await testDatabase()
    deployment = await deploy({ DATABASE_URL: database.url })
    ports = [await freePort(), await freePort()]
    gateways = [await start(0)]
    gateways.push(await start(1))
    bureaus = await bureausOf(deployment.keysFolder())
    proxy = await startNginx(folder, [`127.0.0.1:${ports[0]}`, `127.0.0.1:${ports[1]}`])
    agent = new Agent({ keepAlive: true, ca: await readFile(ca.file) })
  })
  afterAll(async () => {
    agent?.destroy()
    await proxy?.stop()
    await deployment?.close()
    await database?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const start = (place: 0 | 1, dataDir?: string) => deployment.start(['gateway'], { PORT: String(ports[place]) }, dataDir)

  async function ask(method: string, path: string, body = ''): Promise<Answer> {
    const headers = { 'content-type': 'application/jose', 'content-length': Buffer.byteLength(body) }
    const asked = request(`${proxy.url}${path}`, { method, agent, headers }).end(body)
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      asked.once('response', resolve).once('error', reject)
    })
    const answered = await text(response)
    return {
      status: response.statusCode ?? 0,
      type: response.headers['content-type'] ?? '',
      retryAfter: response.headers['retry-after'],
      body: answered.startsWith('{') ? JSON.parse(answered) : {},
    }
  }

  const newEvent = () => {
    const uscc = madeUpUscc(made++)
    const { registrationNumber: _, ...data } = exampleOf('registration.established.v1').data
    return bureaus.sign({ ...exampleOf('registration.established.v1'), subject: uscc, data: { ...data, uscc } })
  }

  const answeredBy = async (place: 0 | 1) =>
    (await proxy.accessLog()).split('\n').filter((line) => line.endsWith(`:${ports[place]} 201`)).length

  /** Posts one event after the other, beside each other, until the work is done. */
  async function postDuring(work: () => Promise<unknown>): Promise<readonly Answer[]> {
    const answers: Answer[] = []
    let over = false
    const senders = Array.from({ length: 4 }, async () => {
      while (!over) answers.push(await ask('POST', '/v1/events', await newEvent()))
    })
    const working = work().finally(() => {
      over = true
    })
    await Promise.all([working, ...senders])
    return answers
  }

  it('spreads events over both, and its log has neither subject nor path', async () => {
    const answers = await postDuring(async () => eventually(async () => made > 30))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
    const log = await proxy.accessLog()
    for (const port of ports) expect(log).toContain(`127.0.0.1:${port}`)
    expect(log).not.toContain('/v1')
    expect(log).toMatch(/ POST 201 /)
  })

  it('passes reading and its token, and hides what is for operators', async () => {
    expect((await ask('GET', '/log/checkpoint')).status).toBe(200)
    expect(await ask('GET', '/v1/keys')).toMatchObject({ status: 401, body: { code: 'token-invalid' } })
    for (const path of ['/metrics', '/health/ready', '/health/live'])
      expect(await ask('GET', path), path).toMatchObject({
        status: 404,
        type: 'application/problem+json',
        body: { code: 'not-found' },
      })
  })

  it('bounds bodies: 64 KiB, and 2 MiB for a catalogue', async () => {
    const large = 'a'.repeat(65 * 1024)
    const refused = { status: 413, type: 'application/problem+json', body: { code: 'too-large' } }
    expect(await ask('POST', '/v1/events', large)).toMatchObject(refused)
    expect(await ask('POST', '/v1/operations/catalogue', 'a'.repeat(2_100_000))).toMatchObject(refused)
    expect(await ask('POST', '/v1/operations/catalogue', large)).toMatchObject({
      status: 415,
      body: { code: 'unsupported-media-type' },
    })
  })

  it.each([
    ['is no HTTP', 'hello\r\n\r\n', 400],
    ['has no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['asks by TRACE', 'TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
    ['is coded otherwise', 'GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rot13\r\n\r\n', 400],
    ['has a long address', `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ['has a long header', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(70_000)}\r\nConnection: close\r\n\r\n`, 431],
  ])('a request that %s gets a problem of nginx’s own', async (_, request, status) => {
    const { hostname: host, port } = new URL(proxy.url)
    const socket = connect({ host, port: Number(port), ca: await readFile(join(folder, 'ca.pem')) })
    // nginx closes while the rest is on its way
    socket.on('error', () => undefined).write(request)
    const answer = await text(socket)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*application/problem\\+json.*"status":${status},"detail":`, 's'))
  })

  it('no sender is refused while each gateway is stopped and started, one after the other', async () => {
    const answers = await postDuring(async () => {
      for (const place of [0, 1] as const) {
        const from = made
        await gateways[place]?.stop()
        const before = await answeredBy(place)
        await eventually(async () => made > from + 20)
        gateways[place] = await start(place, gateways[place]?.dataDir)
        // as docs/deploy.md says: the next one when the proxy has found this one again
        await eventually(async () => (await answeredBy(place)) > before)
      }
    })
    expect(answers.length).toBeGreaterThan(40)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
  })

  it('what a killed gateway leaves unanswered is answered by the other', async () => {
    const answers = await postDuring(async () => {
      const from = made
      await eventually(async () => made > from + 10)
      await gateways[0]?.kill()
      await eventually(async () => made > from + 40)
    })
    // 200 where the first one had stored it
    expect([...new Set(answers.map(({ status }) => status))].filter((status) => status !== 200 && status !== 201)).toEqual([])
  })

  it('with no gateway senders are told to come again', async () => {
    for (const one of gateways) await one.kill()
    const told = { status: 503, type: 'application/problem+json', retryAfter: '1', body: { code: 'overloaded', retryable: true } }
    expect(await ask('POST', '/v1/events', await newEvent())).toMatchObject(told)
    expect(await ask('GET', '/log/checkpoint')).toMatchObject(told)
  })
})
