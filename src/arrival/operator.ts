import type { Context } from 'hono'
import { RefusedRequest } from '../domain/refusal.ts'
import type { Parts } from './parts.ts'
import { authenticate, type Reader } from './reader.ts'

/** @throws {RefusedRequest} `token-invalid` (401), `not-yours` (403) */
export async function authenticateOperator(c: Context, parts: Parts): Promise<Reader> {
  const reader = await authenticate(c, parts)
  if (reader.party.role !== 'operator') throw new RefusedRequest('not-yours', onlyOperators)
  return reader
}

const onlyOperators = { en: 'this is for operators of the exchange', zh: '此处仅供运维方使用' }
