import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { readFormedEntry } from '../../src/audit/verify/entry-form.ts'
import { digestOfSigned } from '../../src/identity/operation-request.ts'
import { operationEntryText } from '../../src/log/entry.ts'

const received = '2026-11-23T08:00:00.000Z'
const digest = 'ab'.repeat(32)

it('an operator’s act is written to the byte as logs have it', () => {
  const act = { request: 'aGVhZGVy.cGF5bG9hZA.c2ln', digest, kid: 'o1', party: 'operator', action: 'plan-replay' }
  const text = operationEntryText(received, act)
  expect(text).toBe(
    `{"kind":"operation","received":"${received}","action":"plan-replay","party":"operator","kid":"o1","digest":"${digest}","request":"aGVhZGVy.cGF5bG9hZA.c2ln"}`,
  )
  expect(readFormedEntry(Buffer.from(text))).toMatchObject({ kind: 'operation', action: 'plan-replay' })
})

it('an auditor’s reading is written to the byte as logs have it', () => {
  const reading = { digest, claims: { jti: '一', aud: 'log', exp: 1 }, kid: 'a1', party: 'auditor', action: 'read-entries' }
  const text = operationEntryText(received, reading)
  expect(text).toBe(
    `{"kind":"operation","received":"${received}","action":"read-entries","party":"auditor","kid":"a1","claims":{"jti":"一","aud":"log","exp":1},"digest":"${digest}"}`,
  )
  expect(readFormedEntry(Buffer.from(text))).toMatchObject({ kind: 'operation', action: 'read-entries' })
})

it('the digest of a request is that of its header and payload, whatever the signature', () => {
  const signed = createHash('sha256').update('aGVhZGVy.cGF5bG9hZA').digest('hex')
  for (const request of ['aGVhZGVy.cGF5bG9hZA.c2ln', 'aGVhZGVy.cGF5bG9hZA.'])
    expect(digestOfSigned(request).toString('hex')).toBe(signed)
})
