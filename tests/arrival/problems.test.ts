import { DrizzleQueryError } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { routes } from '../../src/arrival/app.ts'
import { preferredLanguage } from '../../src/arrival/language.ts'
import { refusalOf } from '../../src/arrival/problems.ts'
import { problems } from '../../src/domain/problems.ts'
import { signEvent } from '../../src/identity/sign.ts'
import { bodyOf, establishment, type Gateway, openGateway } from '../support/gateway.ts'

const han = /\p{Script=Han}/u

let gateway: Gateway
beforeAll(async () => {
  gateway = await openGateway({ consume: false })
})
afterAll(() => gateway.stop())

it('a transaction that stood still for too long is the machine’s fault: 503, and worth another try', () => {
  const said: unknown[] = []
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields: unknown) => said.push(fields),
    error: () => undefined,
  }
  expect(refusalOf(Object.assign(new Error('terminating connection'), { code: '25P03' }), 'POST', log).code).toBe('overloaded')
})

it.each(['EHOSTUNREACH', 'EAI_AGAIN'])(
  'a reading that %s kept from the database is worth another try, as a sending is',
  async (code) => {
    const cause = Object.assign(new Error(`connect ${code}`), { code })
    const view = gateway.parts.view('commerce')
    if (view === undefined) throw new Error('commerce has no view')
    const unreached = { ...view, readRecord: () => Promise.reject(new DrizzleQueryError('select 1', [], cause)) }
    const append = () => Promise.reject(cause)
    const cutOff = await openGateway({ beside: gateway, consume: false, parts: { view: () => unreached, append } })
    try {
      const read = await cutOff.get('/v1/bureaus/commerce/records/registration/x', 'commerce')
      for (const answer of [read, await cutOff.post(establishment(4), 'commerce')])
        expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    } finally {
      await cutOff.stop()
    }
  },
)

it.each([
  ['28P01', 'DATABASE_URL'],
  ['53100', 'its disk is full'],
  ['53300', 'max_connections'],
])('a database that waits for whoever runs it tells them what to mend: %s', (code, remedy) => {
  vi.useFakeTimers({ now: Date.now() + 3_600_000, toFake: ['performance', 'Date'] })
  const said: unknown[] = []
  const never = () => expect.unreachable()
  const log = { debug: never, info: never, warn: never, error: (fields: object, text: string) => said.push({ ...fields, text }) }
  vi.advanceTimersByTime(Number.parseInt(code, 36) * 1000)
  const { code: answered } = refusalOf(Object.assign(new Error('no space'), { severity: 'FATAL', code }), 'POST', log)
  vi.useRealTimers()
  expect(answered).toBe('overloaded')
  expect(said).toEqual([expect.objectContaining({ remedy: expect.stringContaining(remedy) })])
})

it('who only asked is not told of an event that may have been stored', async () => {
  const late = Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' })
  const view = gateway.parts.view('commerce')
  if (view === undefined) throw new Error('commerce has no view')
  const hanging = { ...view, readRecord: () => Promise.reject(late), searchRecords: () => Promise.reject(late) }
  const append = () => Promise.reject(late)
  const slow = await openGateway({ beside: gateway, consume: false, parts: { view: () => hanging, append } })
  try {
    for (const path of ['/v1/bureaus/commerce/records/registration/x', '/v1/bureaus/commerce/records/registration?name=x']) {
      const { code, detail } = await bodyOf(await slow.get(path, 'commerce'))
      expect([code, detail]).toEqual(['overloaded', 'the database did not answer in time; ask again a little later'])
    }
    const sent = await bodyOf(await slow.post(establishment(3), 'commerce'))
    expect(sent.detail).toMatch(/not known whether this was stored, so send the same request again: it is stored once/)
  } finally {
    await slow.stop()
  }
})

it.each(['overloaded', 'internal', 'too-large', 'malformed', 'unsupported-media-type', 'too-many-requests'] as const)(
  'the page of what any request may be answered with, %s, speaks of requests, and of events apart',
  (code) => {
    const { title, remedy } = problems[code]
    expect(title.en).not.toMatch(/event/i)
    expect(title.zh).not.toContain('事件')
    expect(remedy.en).not.toMatch(/the (same )?event/i)
  },
)

describe('problems', () => {
  it.each([
    ['en', {}],
    ['en', { 'accept-language': 'fr' }],
    ['en', { 'accept-language': 'en, zh;q=0.5' }],
    ['zh', { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.8' }],
    ['zh', { 'accept-language': 'fr, zh;q=0.1' }],
  ])('come in the language asked for: %s for %j', async (language, headers) => {
    const event = { ...establishment(1), colour: 'red' }
    const response = await gateway.post({ ...event, data: {} }, 'commerce', headers)
    expect(response.headers.get('content-language')).toBe(language)
    expect(response.headers.get('vary')).toContain('accept-language')
    expect(response.headers.get('cache-control')).toBe('no-store')
    const { title, detail, errors } = await bodyOf(response)
    const messages = Array.isArray(errors) ? errors.map(({ message }) => message) : []
    expect(messages.length).toBeGreaterThan(3)
    for (const text of [title, detail, ...messages]) expect(han.test(String(text)), String(text)).toBe(language === 'zh')
  })

  it('choose English where nothing, nonsense or neither is preferred', () => {
    for (const header of [undefined, '', '*', ';;;', 'zh;q=0', 'en;q=0.3,zh;q=0.2', 'q=1', 'zh;q=x;q=0', ',,,,'])
      expect(preferredLanguage(header), String(header)).toBe('en')
    expect(preferredLanguage('zh')).toBe('zh')
    expect(preferredLanguage('ZH-hant;q=0.001')).toBe('zh')
  })

  it.each(Object.keys(problems))('have a page each: %s', async (code) => {
    const english = await gateway.get(`/problems/${code}`)
    expect(english.status).toBe(200)
    expect(english.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const chinese = await gateway.get(`/problems/${code}`, undefined, { 'accept-language': 'zh' })
    const [en, zh] = [await english.text(), await chinese.text()]
    expect(en).toContain(`<code>${code}</code>`)
    expect(en).toContain('<html lang="en">')
    expect(zh).toContain('<html lang="zh">')
    expect(zh).toMatch(/<h1>[^<]*\p{Script=Han}/u)
  })

  it.each(['nothing', 'constructor', '__proto__', '<script>', 'malformed/', ''])('have no page for %j', async (code) => {
    const response = await gateway.request(`/problems/${encodeURIComponent(code)}`)
    expect(response.status).toBe(404)
    expect(await response.text()).not.toContain('<script>')
  })
})

describe('addresses and methods', () => {
  it.each(['/', '/v1', '/v1/events/', '/v1/bureaus', '/log', '/log/tile', '/health', '/v1/events/1/2', '//', '/%00', '/%'])(
    'what is not there is a problem, too: %s',
    async (path) => {
      const response = await gateway.request(path)
      expect(await bodyOf(response)).toMatchObject({ status: 404, code: 'not-found' })
    },
  )

  it('a method that an address does not know is 405 and tells the ones it does', async () => {
    for (const path of new Set(routes.map(([, one]) => one))) {
      const known = routes.flatMap(([method, one]) => (one === path ? [method] : []))
      const allow = [...known, ...(known.includes('GET') ? ['HEAD'] : [])]
      const address = path.replace(/:[a-z]+/g, 'x').replace('*', '0/000')
      for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'POST', 'GET', 'PROPFIND'].filter(
        (one) => !allow.includes(one),
      )) {
        const response = await gateway.request(address, { method })
        expect(await bodyOf(response), `${method} ${address}`).toMatchObject({ status: 405, code: 'method-not-allowed' })
        expect(response.headers.get('allow')?.split(', ').sort()).toEqual([...allow].sort())
      }
    }
  })

  it('HEAD has the headers of GET and no body', async () => {
    for (const path of ['/health/live', '/log/vkey', '/openapi.json', '/problems/malformed', '/metrics']) {
      const [get, head] = [await gateway.request(path), await gateway.request(path, { method: 'HEAD' })]
      expect(head.status).toBe(200)
      expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'))
      expect(await head.text()).toBe('')
    }
  })

  it('no answer may be sniffed for another type', async () => {
    for (const path of ['/health/live', '/nowhere', '/v1/events', '/log/checkpoint'])
      expect((await gateway.request(path)).headers.get('x-content-type-options')).toBe('nosniff')
  })
})

describe('/metrics and health', () => {
  it('count what is promised', async () => {
    await gateway.send(await signEvent(gateway.key('commerce'), establishment(8)))
    const response = await gateway.get('/metrics')
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    const text = await response.text()
    for (const name of [
      'lianban_log_size_entries',
      'lianban_commit_duration_seconds',
      'lianban_commit_batch_entries',
      'lianban_commit_waiting_entries',
      'lianban_events_accepted_total',
      'lianban_requests_refused_total',
      'lianban_http_request_duration_seconds',
      'lianban_view_lag_entries',
      'lianban_parked_events',
      'lianban_bus_published_total',
      'lianban_bus_foreign_messages_total',
      'lianban_bus_consumer_rebuilds_total',
      'process_resident_memory_bytes',
    ])
      expect(text).toContain(`# HELP ${name} `)
    expect(text).toMatch(/lianban_events_accepted_total\{type="registration\.established\.v1"\} 1\n/)
    expect(text, 'routes, not addresses, are labels').toMatch(/route="\/v1\/events"/)
  })

  it('are shown while the database is away', async () => {
    const away = await openGateway({
      beside: gateway,
      consume: false,
      parts: { collect: () => Promise.reject(new Error('away')) },
    })
    try {
      expect((await away.get('/metrics')).status).toBe(200)
    } finally {
      await away.stop()
    }
  })

  it('say why the exchange is not ready', async () => {
    const states = { bus: 'kafka', publisher: 'waiting', consumers: { commerce: 'waiting' } }
    const unready = { ready: false, reason: 'the database does not answer', ...states }
    const away = await openGateway({ beside: gateway, consume: false, parts: { readiness: async () => unready } })
    try {
      const response = await away.get('/health/ready')
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
      expect(await bodyOf(response)).toEqual(unready)
      expect((await away.get('/health/live')).status).toBe(200)
      expect((await gateway.get('/health/ready')).status).toBe(200)
    } finally {
      await away.stop()
    }
  })
})
