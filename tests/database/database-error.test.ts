import { DrizzleQueryError } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { isDatabaseAway, isLostConnection } from '../../src/database/database-error.ts'

const network = [
  ['CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'CONNECTION_ENDED', 'CONNECT_TIMEOUT'],
  ['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EPROTO'],
  ['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENETRESET', 'EADDRNOTAVAIL'],
  ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL'],
  ['CONNECTION_NOT_SECURED', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'],
].flat()

/** What the server says of a statement, by SQLSTATE, with the connection left as it is. */
const refusedNow = ['08006', '40001', '40P01', '53100', '53200', '53300', '55P03', '57014', '25P03', '25006']
const refused = ['22P02', '23505', '42P01', '42501', '55000', 'XX000']
const ofFiles = ['ENOENT', 'EACCES', 'ENOSPC', 'EROFS', 'EMFILE', 'ERR_INVALID_ARG_TYPE', 'ABORT_ERR']

const thrown = (code: string, more: object = {}) => Object.assign(new Error('it failed'), { code, ...more })
const said = (severity: string, code = 'XX000') => thrown(code, { severity })

describe.each([
  ['as it is', (error: Error): Error => error],
  ['wrapped by Drizzle', (error: Error): Error => new DrizzleQueryError('select 1', [], error)],
])('an error of the database, %s', (_, given) => {
  it.each(network)('%s: the connection is gone, and the database away', (code) => {
    expect([isLostConnection(given(thrown(code))), isDatabaseAway(given(thrown(code)))]).toEqual([true, true])
  })

  it.each(refusedNow)('%s: the database is away, and the connection is still there to roll back on', (code) => {
    expect([isLostConnection(given(said('ERROR', code))), isDatabaseAway(given(said('ERROR', code)))]).toEqual([false, true])
  })

  it.each(['FATAL', 'PANIC'])('%s: the server ends the connection, whatever of', (severity) => {
    expect([isLostConnection(given(said(severity))), isDatabaseAway(given(said(severity)))]).toEqual([true, true])
  })

  it.each([...refused.map((code) => said('ERROR', code)), ...ofFiles.map((code) => thrown(code))])(
    '$code: neither, it is a fault',
    (error) => {
      expect([isLostConnection(given(error)), isDatabaseAway(given(error))]).toEqual([false, false])
    },
  )
})

it('what is no error, or has no code, is neither', () => {
  for (const error of [undefined, 'ECONNREFUSED', { code: 'ECONNREFUSED' }, new Error('of the work')])
    expect([isLostConnection(error), isDatabaseAway(error)]).toEqual([false, false])
})
