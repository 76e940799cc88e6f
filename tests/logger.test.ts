import { Writable } from 'node:stream'
import { DrizzleQueryError } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import type { LogLevel } from '../src/config.ts'
import { createLogger, type Logger, redactedMembers } from '../src/logger.ts'
import { cloudEventOf, examples } from './support/examples.ts'

const secret = '绝密-210299197805121138'

/** What the logger writes while something is done with it. */
function written(run: (logger: Logger) => void, level: LogLevel = 'trace'): string {
  let text = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  run(createLogger(level, destination))
  return text
}

describe('no log line shows', () => {
  const shapes: readonly (readonly [string, (member: string) => object])[] = [
    ['at the top', (member) => ({ [member]: secret })],
    ['one level down', (member) => ({ event: { [member]: secret } })],
    ['two levels down', (member) => ({ a: { b: { [member]: secret } } })],
    ['three levels down', (member) => ({ a: { b: { c: { [member]: secret } } } })],
    ['in a list', (member) => ({ list: [{ [member]: secret }, { [member]: secret }] })],
    ['in a list below', (member) => ({ a: { list: [{ [member]: secret }] } })],
    ['with more inside', (member) => ({ a: { [member]: { deep: [{ deeper: secret }] } } })],
  ]
  for (const member of redactedMembers)
    it(`${member}, wherever it stands`, () => {
      for (const [where, make] of shapes)
        for (const level of ['debug', 'info', 'warn', 'error'] as const) {
          const line = written((logger) => logger[level](make(member), 'it happened'))
          expect(line, where).toContain('it happened')
          expect(line, where).not.toContain(secret)
        }
    })

  it('a person of any example, whichever part of the event is logged by mistake', () => {
    const personal = /"(?:idNumber|name|phone|email|address|productionAddress)":"([^"]+)"/g
    for (const example of examples()) {
      const event = cloudEventOf(example, 'one', new Date())
      const secrets = [...JSON.stringify(example.data).matchAll(personal)].map(([, value]) => value ?? '')
      const text = written((logger) => {
        logger.info(event, 'an event')
        logger.warn({ event }, 'an event inside')
        logger.error({ failed: { event } }, 'further inside')
        logger.debug({ data: example.data, payload: event, record: { data: example.data } }, 'its parts')
        logger.info({ batch: [event] }, 'in a list')
      })
      expect(text.split('\n')).toHaveLength(6)
      for (const value of secrets) expect(text, `${example.type} ${value}`).not.toContain(value)
    }
  })
})

describe('a log line', () => {
  it('is one JSON object with time, level and message, and what is not personal stays', () => {
    const line = written((logger) => logger.info({ index: 7, bureau: 'commerce', error: 'Error: away' }, 'it happened'))
    const { time, level, msg, ...rest } = JSON.parse(line)
    expect([level, msg, rest]).toEqual([30, 'it happened', { index: 7, bureau: 'commerce', error: 'Error: away' }])
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it('tells of a database error its code and place, not what it quotes of the data', () => {
    const message = `invalid input syntax for type bigint: "${secret}"`
    const error = Object.assign(new Error(message), { name: 'PostgresError', code: '22P02', constraint_name: 'only_one' })
    const line = written((logger) => logger.error({ error }, 'it failed'))
    expect(line).not.toContain(secret)
    expect(JSON.parse(line).error).toBe('PostgresError 22P02 only_one')
  })

  it('tells of what Drizzle wraps, not what it quotes of the parameters', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const error = new DrizzleQueryError('select 1 where name = $1', [secret], cause)
    const line = written((logger) => logger.error({ error }, 'it failed'))
    expect(line).not.toContain(secret)
    expect(JSON.parse(line).error).toMatch(/^Error: connect ECONNREFUSED\n {4}at /)
  })

  it.each([
    ['57P01', 'terminating connection due to administrator command'],
    ['53300', 'sorry, too many clients already'],
    ['55P03', 'canceling statement due to lock timeout'],
  ])('tells all that the database says of itself: %s', (code, message) => {
    const error = Object.assign(new Error(message), { name: 'PostgresError', code })
    const line = written((logger) => logger.warn({ error }, 'it waits'))
    expect(JSON.parse(line).error).toBe(`PostgresError ${code}: ${message}`)
  })

  it('tells the name of an error that was given one, and why no address of a host answers', () => {
    const named = Object.assign(new Error('no leader'), { name: 'KafkaJSProtocolError' })
    const refused = ['::1', '127.0.0.1'].map((address) => new Error(`connect ECONNREFUSED ${address}:5432`))
    const [first, second] = [named, new AggregateError(refused)]
      .map((error) => written((logger) => logger.warn({ error }, 'it waits')))
      .map((line) => JSON.parse(line).error)
    expect(first).toMatch(/^KafkaJSProtocolError: no leader\n {4}at /)
    expect(second).toMatch(
      /^AggregateError; Error: connect ECONNREFUSED ::1:5432; Error: connect ECONNREFUSED 127\.0\.0\.1:5432\n {4}at /,
    )
  })

  it('has no error where there was none, and what else was thrown as it reads', () => {
    expect(JSON.parse(written((logger) => logger.warn({ error: undefined }, 'it waits')))).not.toHaveProperty('error')
    expect(JSON.parse(written((logger) => logger.warn({ error: 'away' }, 'it waits'))).error).toBe('away')
  })

  it('leaves the object that was logged as it was', () => {
    const fields = { data: { idNumber: secret }, list: [{ name: secret }] }
    written((logger) => logger.info(fields, 'it happened'))
    expect(fields).toEqual({ data: { idNumber: secret }, list: [{ name: secret }] })
  })

  it('is left out below the level', () => {
    const text = written((logger) => {
      logger.info({}, 'quiet')
      logger.warn({}, 'loud')
    }, 'warn')
    expect(text).toContain('loud')
    expect(text).not.toContain('quiet')
  })
})
