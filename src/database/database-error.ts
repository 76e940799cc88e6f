import { DrizzleQueryError } from 'drizzle-orm/errors'

/** The database's own error, which Drizzle wraps in one that quotes the statement's parameters. */
export function databaseErrorOf(error: unknown): unknown {
  return error instanceof DrizzleQueryError && error.cause !== undefined ? error.cause : error
}

/**
 * Codes of postgres.js, and of what the network says, in Node's words: no server there, no way to it, no answer to what its name
 * means (`EAI_AGAIN`), no port left to go out by, a TLS connection broken. Codes of files are none of them: a full disk of ours is not
 * the database's fault.
 */
const connectionFault =
  /^(CONNECTION_[A-Z_]+|CONNECT_TIMEOUT|ECONN[A-Z]+|ENET[A-Z]+|EHOST[A-Z]+|EAI_[A-Z]+|ENOTFOUND|ETIMEDOUT|EPIPE|EPROTO|EADDRNOTAVAIL|ERR_SSL_[A-Z0-9_]+)$/

/** Is the connection gone, or could none be made: closed under us, or ended by the server (severity FATAL or PANIC)? */
export function isLostConnection(error: unknown): boolean {
  const cause = databaseErrorOf(error)
  if (!(cause instanceof Error)) return false
  if ('severity' in cause) return cause.severity === 'FATAL' || cause.severity === 'PANIC'
  return connectionFault.test(codeOf(cause))
}

/**
 * What passes by itself, or when whoever runs the database mends it, though the connection holds: classes 08 (connection), 40 (rolled
 * back for another transaction), 53 (out of something) and 57 (an operator, or a time limit), lock_not_available, 25P03, where we
 * stood still for too long, and 25006: it is a standby, or was put to read only.
 */
const notNow = /^(08|40|53|57)[0-9A-Z]{3}$|^(55P03|25P03|25006)$/

/** Can the database not do now what it is asked, whatever that is? The same is worth another try a little later. */
export function isDatabaseAway(error: unknown): boolean {
  const cause = databaseErrorOf(error)
  return isLostConnection(cause) || (cause instanceof Error && notNow.test(codeOf(cause)))
}

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '')
