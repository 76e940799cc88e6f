import { pino } from 'pino'
import type { LogLevel } from './config.ts'

/** What the parts of the program need of a logger: pino's shape. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Members that never reach a log line, wherever they stand: personal fields, keys, tokens, signed payloads. */
export const redactedMembers = [
  'address',
  'authorization',
  'before',
  'after',
  'compact',
  'contact',
  'd',
  'data',
  'email',
  'entry',
  'financeHead',
  'idNumber',
  'jws',
  'legalRepresentative',
  'name',
  'password',
  'payload',
  'phone',
  'productionAddress',
  'proof',
  'shareholders',
  'taxpayerId',
  'token',
] as const

/** Members are redacted down to this depth of an object that is logged; nothing deeper is logged by us. */
const depth = 4

/** Structured logs, one JSON object a line. */
export function createLogger(level: LogLevel, destination: NodeJS.WritableStream = process.stdout): Logger {
  const paths = redactedMembers.flatMap((member) => Array.from({ length: depth }, (_, i) => `${'*.'.repeat(i)}${member}`))
  return pino(
    {
      level,
      base: null,
      redact: { paths, censor: '[redacted]' },
      serializers: { error: errorText },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination,
  )
}

/** An error as a log line may show it: what Postgres says of data quotes them, so of its errors only code and place are kept. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name !== 'PostgresError') return error.stack ?? error.message
  const known = (member: string) => (member in error ? String(Reflect.get(error, member)) : undefined)
  const place = ['table_name', 'constraint_name'].map(known).filter((text) => text !== undefined)
  return ['PostgresError', known('code') ?? 'without a code', ...place].join(' ')
}
