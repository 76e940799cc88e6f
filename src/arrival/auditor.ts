import type { Context } from 'hono'
import { RefusedRequest } from '../domain/refusal.ts'
import type { Parts } from './parts.ts'
import { authenticate, type Reader } from './reader.ts'

/** @throws {RefusedRequest} `token-invalid` (401), `not-yours` (403) */
export async function authenticateAuditor(c: Context, parts: Parts): Promise<Reader> {
  const reader = await authenticate(c, parts)
  if (reader.party.role !== 'auditor') throw new RefusedRequest('not-yours', onlyAuditors)
  return reader
}

const onlyAuditors = { en: 'entries hold personal data: only auditors read them', zh: '条目含个人数据，仅审计方可读取' }
