import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls'
import { type TlsSettingNames, tlsRemedy } from '../domain/tls-fault.ts'
import { isLostConnection } from './database-error.ts'
import { inTime } from './in-time.ts'

/** `require`: nobody listens, and anybody may answer; `verify-ca`: a server of that CA; `verify-full`: and of that name. */
export const tlsModes = ['require', 'verify-ca', 'verify-full'] as const

export interface DatabaseTls {
  readonly mode: (typeof tlsModes)[number]
  /** PEM; undefined: the CAs that Node trusts */
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

const handshakeMs = 5_000
/** SSLRequest: its length and its code. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

const settings: TlsSettingNames = {
  ca: 'sslrootcert of DATABASE_URL',
  own: 'sslcert and sslkey of DATABASE_URL',
  server: 'DATABASE_URL',
}

/**
 * Makes a connection to a Postgres server a TLS one. The files are read each time, so a renewed certificate needs no restart.
 *
 * @param host the name that the certificate must have
 * @throws {Error} saying what to do; the connection is closed then
 * @see PostgreSQL's documentation, "Frontend/Backend Protocol", section "SSL Session Encryption"
 */
export async function secure(socket: Socket, host: string, { mode, caFile, certFile, keyFile }: DatabaseTls): Promise<TLSSocket> {
  const signal = AbortSignal.timeout(handshakeMs)
  try {
    const [ca, cert, key] = await Promise.all([read('sslrootcert', caFile), read('sslcert', certFile), read('sslkey', keyFile)])
    socket.write(sslRequest)
    const [answer]: unknown[] = await once(socket, 'data', { signal })
    // more than the one byte came from somebody in between, to be taken for the server's later (CVE-2021-23222)
    if (!(answer instanceof Buffer) || answer.length !== 1 || answer[0] !== 'S'.charCodeAt(0))
      throw new Error(`the server offers no TLS, which sslmode=${mode} of DATABASE_URL asks for: turn on ssl in postgresql.conf`)
    const secured = connect({
      socket,
      host,
      ...(isIP(host) ? {} : { servername: host }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      rejectUnauthorized: mode !== 'require',
      checkServerIdentity: mode === 'verify-full' ? checkServerIdentity : () => undefined,
    })
    await once(secured, 'secureConnect', { signal })
    return secured
  } catch (error) {
    socket.destroy()
    throw explained(inTime(error, handshakeMs, 'answer to the request for TLS'))
  }
}

async function read(parameter: string, file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined
  return readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`${parameter} of DATABASE_URL can’t be read: ${cause.code} ${file}`, { cause })
  })
}

/** What keeps a connection from being secured has a code of its own: it stays so until somebody mends it. */
function explained(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const remedy = 'code' in error ? tlsRemedy(String(error.code), settings) : undefined
  if (remedy === undefined && isLostConnection(error)) return error
  const message = remedy === undefined ? error.message : `${error.message}; ${remedy}`
  return Object.assign(new Error(message, { cause: error }), { code: 'CONNECTION_NOT_SECURED' })
}
