import type { Socket } from 'node:net'
import { CannotStart } from '../domain/cannot-start.ts'
import { openSocket, type Target } from './socket.ts'
import { type DatabaseTls, secure, tlsModes } from './tls.ts'

/** How postgres.js reaches a server. */
export interface DatabaseServer {
  /** without what is ours to do */
  readonly url: string
  /** host and port, for people */
  readonly address: string
  /** its option of this name: postgres.js itself would know no CA, and compare no IP address with a certificate */
  readonly socket: (target: Target) => Promise<Socket>
}

/** @throws {CannotStart} naming what of the URL can't be used, and no part of the URL that may be a password */
export function databaseServerOf(databaseUrl: string): DatabaseServer {
  const { url, tls } = splitTls(databaseUrl)
  const { hostname, port } = new URL(url)
  // of an IPv6 address postgres.js takes what stands before the first colon
  const six = hostname.startsWith('[') ? { host: [hostname.slice(1, -1)], port: [Number(port || 5432)] } : undefined
  return {
    url,
    address: `${hostname || 'localhost'}:${port || 5432}`,
    socket: (target) =>
      openSocket({ ...target, ...six }, tls === undefined ? undefined : (socket, host) => secure(socket, host, tls)),
  }
}

/**
 * How a `DATABASE_URL` asks for TLS, if it does.
 *
 * @throws {CannotStart} as {@link databaseServerOf} does
 */
export const databaseTlsOf = (databaseUrl: string): DatabaseTls | undefined => splitTls(databaseUrl).tls

/**
 * Parameters of a `DATABASE_URL` that ask for TLS, named and meant as libpq's: `sslmode`, `sslrootcert`, `sslcert`, `sslkey`. Two
 * are left out, since whoever stands between can turn them into no TLS at all: `allow` and `prefer`.
 *
 * @see https://www.postgresql.org/docs/18/libpq-ssl.html
 */
function splitTls(databaseUrl: string): { readonly url: string; readonly tls: DatabaseTls | undefined } {
  const url = new URL(databaseUrl)
  const given = new Map([...url.searchParams].filter(([name]) => name.startsWith('ssl')))
  for (const name of given.keys()) url.searchParams.delete(name)
  const { sslmode, sslrootcert, sslcert, sslkey, ...others } = Object.fromEntries(given)
  const [other] = Object.keys(others)
  if (other !== undefined) throw new CannotStart(`DATABASE_URL takes sslmode, sslrootcert, sslcert and sslkey, and no ${other}`)
  if (sslmode === undefined || sslmode === 'disable') {
    if (sslrootcert || sslcert || sslkey)
      throw new CannotStart('DATABASE_URL needs sslmode=verify-full with sslrootcert, sslcert and sslkey')
    return { url: url.href, tls: undefined }
  }
  const asked = tlsModes.find((one) => one === sslmode)
  if (asked === undefined) throw new CannotStart(`DATABASE_URL must have an sslmode of disable, ${tlsModes.join(', ')}`)
  if (Boolean(sslcert) !== Boolean(sslkey)) throw new CannotStart('DATABASE_URL must have sslcert and sslkey together')
  const caFile = sslrootcert === 'system' ? undefined : sslrootcert
  const mode = asked === 'require' && sslrootcert ? 'verify-ca' : asked
  return { url: url.href, tls: { mode, caFile, certFile: sslcert, keyFile: sslkey } }
}
