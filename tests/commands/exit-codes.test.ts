import { expect, it } from 'vitest'
import { expectStatus } from '../../src/commands/exchange-client.ts'
import type { ProblemCode } from '../../src/domain/problems.ts'

const exitCodeOf = (status: number, code: ProblemCode) => {
  const body = { code, detail: 'because' }
  try {
    expectStatus({ status, body, text: JSON.stringify(body), retryAfterSeconds: undefined }, 200)
  } catch (error) {
    return error instanceof Error && 'exitCode' in error ? error.exitCode : error
  }
  return 0
}

it.each<[string, number, ProblemCode, number]>([
  ['a no', 422, 'invalid-key', 1],
  ['a no to this party', 403, 'not-yours', 1],
  ['what is not there', 404, 'not-found', 1],
  ['a request that names nothing there is', 400, 'invalid-request', 2],
  ['a body that can not be read', 400, 'malformed', 2],
  ['a body that is too large', 413, 'too-large', 2],
  ['an exchange without its database, which may have stored it', 503, 'overloaded', 2],
  ['a queue that is full', 429, 'too-many-requests', 2],
  ['an exchange that failed', 500, 'internal', 2],
  ['a request that did not arrive whole', 408, 'request-timeout', 2],
])('%s (%i) ends a command as the README says', (_, status, code, exit) => {
  expect(exitCodeOf(status, code)).toBe(exit)
})
