import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

/** Files for one TLS connection, all PEM, each with the setting that names it. */
export interface TlsFiles {
  readonly ca: TlsFile | undefined
  readonly cert: TlsFile | undefined
  readonly key: TlsFile | undefined
}

export interface TlsFile {
  /** such as `KAFKA_SSL_CA` */
  readonly setting: string
  readonly file: string
}

/**
 * What is wrong with the files: Node itself takes a CA file without a certificate, and then trusts nobody.
 *
 * @returns a sentence for each fault
 */
export function tlsFileFaults({ ca, cert, key }: TlsFiles): readonly string[] {
  const faults: string[] = []
  const opened = <T>(named: TlsFile | undefined, parse: (pem: string) => T): T | undefined => {
    if (named === undefined) return undefined
    try {
      return parse(readFileSync(named.file, 'utf8'))
    } catch (error) {
      const isUnreadable = error instanceof Error && 'syscall' in error && 'code' in error
      const fault = isUnreadable ? `can’t be read: ${error.code}` : error instanceof Error ? error.message : String(error)
      faults.push(`${named.setting} ${fault} ${named.file}`)
      return undefined
    }
  }
  opened(ca, certificatesOf)
  const certificates = opened(cert, certificatesOf)
  const privateKey = opened(key, privateKeyOf)
  const [own] = certificates ?? []
  if (cert && key && own && privateKey) faults.push(...pairFaults(cert, key, own, privateKey))
  return faults
}

const certificate = /^-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*(?:-----END [A-Z0-9 ]+-----)?/gm

/** Every one of them, since OpenSSL takes no notice of what stands behind the first that it can't read. */
function certificatesOf(pem: string): readonly X509Certificate[] {
  const found = pem.match(certificate)
  if (found === null) throw new Error('must name a file with a certificate in PEM, and there is none in')
  return found.map((one, i) => {
    try {
      return new X509Certificate(one)
    } catch (cause) {
      throw new Error(`must name a file with certificates in PEM, and number ${i + 1} is broken in`, { cause })
    }
  })
}

function privateKeyOf(pem: string): KeyObject {
  if (/^(?:-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED)/m.test(pem))
    throw new Error('must name a private key that needs no passphrase, and one is needed for')
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    throw new Error('must name a file with a private key in PEM, and there is none in', { cause })
  }
}

function pairFaults(cert: TlsFile, key: TlsFile, certificate: X509Certificate, privateKey: KeyObject): readonly string[] {
  if (!certificate.checkPrivateKey(privateKey))
    return [`${key.setting} must name the key of ${cert.setting}, and ${key.file} is not that of the certificate in ${cert.file}`]
  try {
    createSecureContext({ cert: readFileSync(cert.file), key: readFileSync(key.file) })
    return []
  } catch (error) {
    return [`${cert.setting} can’t be used: ${error instanceof Error ? error.message : String(error)}: ${cert.file}`]
  }
}
