import { pino } from 'pino'
import type { LogLevel } from './config.ts'
import { databaseErrorOf } from './database/database-error.ts'

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

/**
 * An error as a log line may show it: its name, message and stack. What Postgres says of data quotes them, so of such an error only
 * code and place are kept; Drizzle quotes a statement's parameters, so what it wraps is shown instead.
 */
function errorText(thrown: unknown): string {
  const error = databaseErrorOf(thrown)
  if (!(error instanceof Error)) return String(error)
  // the stack's own first line has no name that was given to the error later
  const frames = /\n {4}at .*/s.exec(error.stack ?? '')?.[0] ?? ''
  return error.name === 'PostgresError' ? postgresText(error) : `${messageOf(error)}${frames}`
}

/** What Node says of a host with several addresses has no message of its own. */
function messageOf(error: Error): string {
  if (!(error instanceof AggregateError)) return String(error)
  return [String(error), ...error.errors.map((one) => errorText(one).split('\n', 1))].join('; ')
}

/** SQLSTATEs of the server and its connections, whose messages quote no data: that it starts, is full, lets nobody in, took too long. */
const ofTheServer = /^(08|28|3D|40|53|57|58|55P03|25P03)/

function postgresText(error: Error): string {
  const known = (member: string) => (member in error ? String(Reflect.get(error, member)) : undefined)
  const code = known('code') ?? 'without a code'
  const place = ['table_name', 'constraint_name'].map(known).filter((text) => text !== undefined)
  return [`PostgresError ${code}${ofTheServer.test(code) ? `: ${error.message}` : ''}`, ...place].join(' ')
}
